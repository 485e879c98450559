//! Bounds on a store: memories and tables summed, and the deadline. Each answers
//! with an error, which no guest can catch.

use std::time::Instant;

use wasmtime::{ResourceLimiter, StoreContextMut, UpdateDeadline};

use crate::Limits;
use crate::state::State;

/// Sums all memories and tables of a store. It answers with an error, not with
/// "no", so that a guest cannot catch it and go on.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: usize,
    tables: usize,
    /// Bytes and elements.
    limits: (usize, usize),
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { memory: 0, tables: 0, limits: (limits.memory, limits.table_elements) }
    }
}

/// The marker of a limit in a wasmtime error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LimitHit {
    #[error("memory limit of {0} bytes")]
    Memory(usize),
    #[error("limit of {0} table elements")]
    Tables(usize),
    #[error("deadline")]
    Deadline,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.limits.0 {
            return Err(LimitHit::Memory(self.limits.0).into());
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.tables.saturating_add(desired.saturating_sub(current));
        if total > self.limits.1 {
            return Err(LimitHit::Tables(self.limits.1).into());
        }
        self.tables = total;
        Ok(true)
    }
}

/// What a running guest does at every tick: stop when its time is over, else
/// let others run.
pub(crate) fn at_tick(
    deadline: Instant,
) -> impl FnMut(StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    move |_| {
        if Instant::now() >= deadline {
            Err(LimitHit::Deadline.into())
        } else {
            Ok(UpdateDeadline::Yield(1))
        }
    }
}
