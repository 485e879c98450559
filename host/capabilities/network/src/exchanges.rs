//! What a store has under way with servers, and what it was refused.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use distri_call::places::{Open, Place};
use wasmtime_wasi_http::Error as Code;

use crate::failure::{Failure, Refusal, refusal};

/// Refusals that are remembered: a guest asks for each at once.
const REFUSALS: usize = 32;

/// What a store has under way.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    /// Requests whose own bodies or whose responses have not ended.
    pub(super) open: Open,
    /// Set before the store is dropped.
    pub(super) over: AtomicBool,
    /// The last refusals, for a guest that does not say why it failed, and for one that
    /// wants to know all.
    refused: Mutex<VecDeque<Refusal>>,
}

/// A request's place among those that its call may have at once.
#[derive(Debug)]
pub(super) struct Turn {
    exchanges: Arc<Exchanges>,
    _place: Place,
}

impl Exchanges {
    /// A place for one more request, unless there are so many already.
    pub(super) fn turn(self: &Arc<Self>, max: u32) -> Result<Arc<Turn>, Code> {
        let place = self.open.try_place(max).ok_or(Code::ConnectionLimitReached)?;
        Ok(Arc::new(Turn { exchanges: Arc::clone(self), _place: place }))
    }

    pub(super) fn refused(&self) -> std::sync::MutexGuard<'_, VecDeque<Refusal>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the guest, and keeps what a person is told.
    pub(super) fn code(&self, failure: Failure) -> Code {
        match failure {
            Failure::Code(code) => code,
            Failure::Refused(error) => {
                let refusal = refusal(error);
                let code = refusal.code();
                let mut refused = self.refused();
                if refused.len() >= REFUSALS {
                    refused.pop_front();
                }
                refused.push_back(refusal);
                code
            }
        }
    }
}

impl Turn {
    /// Whether the store is about to be dropped.
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "the client asks"))]
    pub(super) fn is_over(&self) -> bool {
        self.exchanges.over.load(Ordering::Acquire)
    }
}
