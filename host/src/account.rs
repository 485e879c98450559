//! The record of what each call did: a span, metrics, and the embedder's
//! observer. Names and numbers only; no inputs, results or secrets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

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
        let labels = [
            ("plugin", report.package.clone()),
            ("item", report.item.clone()),
            ("outcome", report.outcome.to_owned()),
        ];
        metrics::counter!("distri_calls_total", &labels).increment(1);
        metrics::histogram!("distri_call_seconds", &labels).record(elapsed);
        metrics::histogram!("distri_call_cpu_seconds", &labels).record(report.cpu);
        #[expect(clippy::cast_precision_loss, reason = "a histogram's buckets are wider")]
        metrics::histogram!("distri_call_peak_memory_bytes", &labels).record(peak_memory as f64);
        frame.host.services().observe(&report);
    }
}
