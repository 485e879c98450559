//! Bounds on a store: memories and tables summed, the deadline and
//! the processor's time. Each answers with an error, which no guest can catch.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use distri_call::Limits;
use distri_call::usage::Usage;
use distri_engine::engine::MEMORIES;
use wasmtime::ResourceLimiter;

/// Sums all memories and tables of a store. It answers with an error, not with
/// "no", so that a guest cannot catch it and go on.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// What the call has used, for its account.
    usage: Arc<Usage>,
    memory: usize,
    table_elements: usize,
    max_memory: usize,
    max_table_elements: usize,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits, usage: Arc<Usage>) -> Self {
        Self {
            usage,
            memory: 0,
            table_elements: 0,
            max_memory: limits.memory,
            max_table_elements: limits.table_elements,
        }
    }

    /// Counts for another call from now on, beginning with what is there.
    pub(crate) fn enter(&mut self, usage: Arc<Usage>) -> Result<(), LimitHit> {
        usage.take(self.memory).map_err(LimitHit::ChainMemory)?;
        usage.memory.store(self.memory, Ordering::Relaxed);
        self.leave();
        self.usage = usage;
        Ok(())
    }

    /// Counts for no call any more.
    pub(crate) fn leave(&mut self) {
        self.usage.give_back(self.memory);
        self.usage = Arc::default();
    }

    /// Counts an epoch during which the guest ran.
    pub(crate) fn tick(&self) {
        self.usage.ticks.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes of all memories.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.usage.give_back(self.memory);
    }
}

/// The marker of a limit in a wasmtime error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LimitHit {
    #[error("memory limit of {0} bytes")]
    Memory(usize),
    #[error("memory limit of {0} bytes for the whole chain of calls")]
    ChainMemory(usize),
    #[error("limit of {0} table elements")]
    TableElements(usize),
    #[error("deadline")]
    Deadline,
    #[error("limit of {0:?} on a processor")]
    Cpu(Duration),
}

impl ResourceLimiter for Limiter {
    fn memories(&self) -> usize {
        MEMORIES as usize
    }

    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let total = self.memory.saturating_add(more);
        if total > self.max_memory {
            return Err(LimitHit::Memory(self.max_memory).into());
        }
        self.usage.take(more).map_err(LimitHit::ChainMemory)?;
        self.memory = total;
        // Memories never shrink, so that this is the peak too.
        self.usage.memory.store(total, Ordering::Relaxed);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        if total > self.max_table_elements {
            return Err(LimitHit::TableElements(self.max_table_elements).into());
        }
        self.table_elements = total;
        Ok(true)
    }
}
