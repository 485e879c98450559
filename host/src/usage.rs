//! What calls have used so far, each and all of a chain together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

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
