//! What a package's calls are counted by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{Key, Label, Level, Metadata};

/// A plugin's metrics: by item, those of each outcome, from the first call on that has it.
#[derive(Default)]
pub struct Metrics(Mutex<HashMap<String, ByOutcome>>);

type ByOutcome = HashMap<&'static str, Arc<Keys>>;

/// What a call took.
pub struct Cost {
    /// Wall time, nested calls included.
    pub elapsed: Duration,
    /// Time on a processor, nested calls included.
    pub cpu: Duration,
    /// Bytes of linear memory at its highest.
    pub peak_memory: usize,
}

/// The metrics of an item's calls with one outcome.
struct Keys {
    calls: Key,
    elapsed: Key,
    cpu: Key,
    peak_memory: Key,
}

impl Metrics {
    /// Counts a call of an item of this package's that ended.
    pub fn count(&self, called: (&str, &str), outcome: &'static str, cost: &Cost) {
        self.of(called, outcome).record(cost);
    }

    fn of(&self, (package, item): (&str, &str), outcome: &'static str) -> Arc<Keys> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known.get(item).and_then(|known| known.get(outcome)) {
            return Arc::clone(keys);
        }
        let keys = Arc::new(Keys::new((package, item), outcome));
        known.entry(item.to_owned()).or_default().insert(outcome, Arc::clone(&keys));
        keys
    }
}

impl Keys {
    fn new((package, item): (&str, &str), outcome: &'static str) -> Self {
        let labels = [
            Label::new("plugin", package.to_owned()),
            Label::new("item", item.to_owned()),
            Label::from_static_parts("outcome", outcome),
        ];
        let key = |name: &'static str| Key::from_parts(name, labels.iter());
        Self {
            calls: key("distri_calls_total"),
            elapsed: key("distri_call_seconds"),
            cpu: key("distri_call_cpu_seconds"),
            peak_memory: key("distri_call_peak_memory_bytes"),
        }
    }

    fn record(&self, cost: &Cost) {
        static ABOUT: Metadata<'static> =
            Metadata::new("distri_host", Level::INFO, Some("distri_host"));
        metrics::with_recorder(|recorder| {
            recorder.register_counter(&self.calls, &ABOUT).increment(1);
            recorder.register_histogram(&self.elapsed, &ABOUT).record(cost.elapsed);
            recorder.register_histogram(&self.cpu, &ABOUT).record(cost.cpu);
            #[expect(clippy::cast_precision_loss, reason = "a histogram's buckets are wider")]
            let peak_memory = cost.peak_memory as f64;
            recorder.register_histogram(&self.peak_memory, &ABOUT).record(peak_memory);
        });
    }
}
