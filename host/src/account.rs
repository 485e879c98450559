//! The record of what each call did: a span, metrics, and the embedder's
//! observer. Names and numbers only; no inputs, results or secrets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use metrics::{Key, Label, Level, Metadata};
use tracing::Span;

use crate::frame::Frame;
use crate::{CallReport, Result, ToolResult};

/// What a call has used so far, besides time on a processor.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// Epochs during which the guest ran.
    pub(crate) ticks: AtomicU64,
    /// Bytes of linear memory.
    pub(crate) memory: AtomicUsize,
    /// Those of the root call and all that it calls; none for a store that serves no
    /// call.
    chain: Option<Arc<ChainMemory>>,
}

/// Bytes of linear memory that a root call and all that it calls have at the moment.
#[derive(Debug)]
struct ChainMemory {
    bytes: AtomicUsize,
    max: usize,
}

impl Usage {
    /// The usage of a root call, with so many bytes of memory for all that it calls.
    pub(crate) fn root(max: usize) -> Arc<Self> {
        let chain = ChainMemory { bytes: AtomicUsize::new(0), max };
        Arc::new(Self { chain: Some(Arc::new(chain)), ..Self::default() })
    }

    /// The usage of a call that this one makes.
    pub(crate) fn nested(&self) -> Arc<Self> {
        Arc::new(Self { chain: self.chain.clone(), ..Self::default() })
    }

    /// Counts so many bytes more for the whole chain of calls.
    ///
    /// # Errors
    ///
    /// What the chain may have, when it would have more.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), usize> {
        let Some(chain) = &self.chain else { return Ok(()) };
        let more = |had: usize| had.checked_add(bytes).filter(|bytes| *bytes <= chain.max);
        let taken = chain.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(drop).map_err(|_| chain.max)
    }

    /// Counts so many bytes less.
    pub(crate) fn give_back(&self, bytes: usize) {
        if let Some(chain) = &self.chain {
            chain.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

/// One call's account. Dropped without [`Account::close`], the call was cancelled.
pub(crate) struct Account {
    frame: Arc<Frame>,
    began: Instant,
    outcome: &'static str,
}

/// The span of a call. What is not known yet is recorded at its end.
pub(crate) fn span(frame: &Frame) -> Span {
    use tracing::field::Empty;
    tracing::info_span!(
        "call",
        plugin = %frame.plugin.info.package,
        item = frame.item,
        kind = frame.kind.as_str(),
        call_id = frame.call_id,
        digest = frame.plugin.info.digest,
        outcome = Empty,
        elapsed_us = Empty,
        cpu_us = Empty,
        peak_memory = Empty,
        ticks = Empty,
    )
}

impl Account {
    pub(crate) fn open(frame: &Arc<Frame>) -> Self {
        Self { frame: Arc::clone(frame), began: Instant::now(), outcome: "cancelled" }
    }

    pub(crate) fn close(mut self, result: &Result<ToolResult>) {
        self.outcome = match result {
            Ok(ToolResult { error: None, .. }) => "ok",
            Ok(_) => "guest-error",
            Err(error) => error.kind().as_str(),
        };
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let frame = &self.frame;
        let elapsed = self.began.elapsed();
        let peak_memory = frame.usage.memory.load(Ordering::Relaxed);
        let report = CallReport {
            package: frame.plugin.info.package.to_string(),
            item: frame.item.clone(),
            kind: frame.kind,
            call_id: frame.call_id.clone(),
            caller_id: frame.parent().map(|caller| caller.call_id.clone()),
            digest: frame.plugin.info.digest.clone(),
            outcome: self.outcome,
            elapsed,
            cpu: frame.cpu.used(),
            peak_memory,
            ticks: frame.usage.ticks.load(Ordering::Relaxed),
        };
        let micros =
            |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let span = &frame.span;
        span.record("outcome", report.outcome);
        span.record("elapsed_us", micros(report.elapsed));
        span.record("cpu_us", micros(report.cpu));
        span.record("peak_memory", report.peak_memory);
        span.record("ticks", report.ticks);
        tracing::debug!(
            parent: span,
            outcome = report.outcome,
            elapsed_us = micros(report.elapsed),
            cpu_us = micros(report.cpu),
            peak_memory,
            "call ended"
        );
        frame.plugin.metrics.of(&report).record(&report);
        frame.host.services().observe(&report);
    }
}

/// A plugin's metrics: by item, those of each outcome, from the first call on that has it.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<HashMap<String, ByOutcome>>);

type ByOutcome = HashMap<&'static str, Arc<Keys>>;

/// The metrics of an item's calls with one outcome.
struct Keys {
    calls: Key,
    elapsed: Key,
    cpu: Key,
    peak_memory: Key,
}

impl Metrics {
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
            Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
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
