//! What calls have used so far, each and all of a chain together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a call has used so far, besides time on a processor.
#[derive(Debug, Default)]
pub struct Usage {
    /// Epochs during which the guest ran.
    pub ticks: AtomicU64,
    /// Bytes of linear memory.
    pub memory: AtomicUsize,
    /// For a root call: bytes of linear memory that it and all that it calls have at the
    /// moment.
    together: AtomicUsize,
    /// How many those may be; no bound for a store that serves no call.
    max: Option<usize>,
    /// The root call, for one that it leads to.
    root: Option<Arc<Usage>>,
}

impl Usage {
    /// The usage of a root call, with so many bytes of memory for all that it calls.
    pub fn root(max: usize) -> Arc<Self> {
        Arc::new(Self { max: Some(max), ..Self::default() })
    }

    /// The usage of a call that this one makes.
    pub fn nested(self: &Arc<Self>) -> Arc<Self> {
        let root = self.root.as_ref().unwrap_or(self);
        Arc::new(Self { root: Some(Arc::clone(root)), ..Self::default() })
    }

    fn chain(&self) -> &Self {
        self.root.as_deref().unwrap_or(self)
    }

    /// Counts so many bytes more for the whole chain of calls.
    ///
    /// # Errors
    ///
    /// What the chain may have, when it would have more.
    pub fn take(&self, bytes: usize) -> Result<(), usize> {
        let chain = self.chain();
        let Some(max) = chain.max else { return Ok(()) };
        let more = |had: usize| had.checked_add(bytes).filter(|bytes| *bytes <= max);
        let taken = chain.together.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.map(drop).map_err(|_| max)
    }

    /// Counts so many bytes less.
    pub fn give_back(&self, bytes: usize) {
        let chain = self.chain();
        if chain.max.is_some() {
            chain.together.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}
