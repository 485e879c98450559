//! What a package's calls are counted by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Key, Label, Level, Metadata};

use crate::CallReport;

/// A plugin's metrics: by item, those of each outcome, from the first call on that has it.
#[derive(Default)]
pub struct Metrics(Mutex<HashMap<String, ByOutcome>>);

type ByOutcome = HashMap<&'static str, Arc<Keys>>;

/// The metrics of an item's calls with one outcome.
struct Keys {
    calls: Key,
    elapsed: Key,
    cpu: Key,
    peak_memory: Key,
}

impl Metrics {
    /// Counts a call that ended.
    pub fn count(&self, report: &CallReport) {
        self.of(report).record(report);
    }

    fn of(&self, report: &CallReport) -> Arc<Keys> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known.get(&report.item).and_then(|known| known.get(report.outcome)) {
            return Arc::clone(keys);
        }
        let keys = Arc::new(Keys::new(report));
        known.entry(report.item.clone()).or_default().insert(report.outcome, Arc::clone(&keys));
        keys
    }
}

impl Keys {
    fn new(report: &CallReport) -> Self {
        let labels = [
            Label::new("plugin", report.package.clone()),
            Label::new("item", report.item.clone()),
            Label::from_static_parts("outcome", report.outcome),
        ];
        let key = |name: &'static str| Key::from_parts(name, labels.iter());
        Self {
            calls: key("distri_calls_total"),
            elapsed: key("distri_call_seconds"),
            cpu: key("distri_call_cpu_seconds"),
            peak_memory: key("distri_call_peak_memory_bytes"),
        }
    }

    fn record(&self, report: &CallReport) {
        static ABOUT: Metadata<'static> =
            Metadata::new("distri_host", Level::INFO, Some("distri_host"));
        metrics::with_recorder(|recorder| {
            recorder.register_counter(&self.calls, &ABOUT).increment(1);
            recorder.register_histogram(&self.elapsed, &ABOUT).record(report.elapsed);
            recorder.register_histogram(&self.cpu, &ABOUT).record(report.cpu);
            #[expect(clippy::cast_precision_loss, reason = "a histogram's buckets are wider")]
            let peak_memory = report.peak_memory as f64;
            recorder.register_histogram(&self.peak_memory, &ABOUT).record(peak_memory);
        });
    }
}
