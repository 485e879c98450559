//! The record of what each call did: a span, metrics, and the embedder's
//! observer. Names and numbers only; no inputs, results or secrets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::counters::Cost;
use crate::frame::Frame;
use crate::{CallReport, Result, ToolResult};

/// One call's account. Dropped without [`Account::close`], the call was cancelled.
pub struct Account {
    frame: Arc<Frame>,
    began: Instant,
    outcome: &'static str,
}

impl Account {
    /// Opens the account of a call that begins.
    pub fn open(frame: &Arc<Frame>) -> Self {
        Self { frame: Arc::clone(frame), began: Instant::now(), outcome: "cancelled" }
    }

    /// Reports the call, which ended so.
    pub fn close(mut self, result: &Result<ToolResult>) {
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
        let outcome = self.outcome;
        let cost = Cost {
            elapsed: self.began.elapsed(),
            cpu: frame.cpu.used(),
            peak_memory: frame.usage.memory.load(Ordering::Relaxed),
        };
        let ticks = frame.usage.ticks.load(Ordering::Relaxed);
        let span = &frame.span;
        span.record("outcome", outcome);
        span.record("elapsed_us", micros(cost.elapsed));
        span.record("cpu_us", micros(cost.cpu));
        span.record("peak_memory", cost.peak_memory);
        span.record("ticks", ticks);
        tracing::debug!(
            target: "distri_host",
            parent: span,
            outcome,
            elapsed_us = micros(cost.elapsed),
            cpu_us = micros(cost.cpu),
            peak_memory = cost.peak_memory,
            "call ended"
        );
        let called = (frame.package.name.as_str(), frame.item.as_str());
        frame.package.metrics.count(called, outcome, &cost);
        frame.embedder().report(|| CallReport {
            package: frame.package.name.to_string(),
            item: frame.item.clone(),
            kind: frame.kind,
            call_id: frame.call_id.clone(),
            caller_id: frame.parent().map(|caller| caller.call_id.clone()),
            digest: frame.package.digest.clone(),
            outcome,
            elapsed: cost.elapsed,
            cpu: cost.cpu,
            peak_memory: cost.peak_memory,
            ticks,
        });
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
