//! What the sandbox refused a guest that is told no more than a number, as `std::fs`
//! and `std::net` tell it: the words go to the plugin's log, and with the error of a
//! call that fails without a hint of its own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::frame::Frame;
use crate::{Error, ErrorKind, LogLevel, imports};

/// Different refusals of one call that are told. A guest may try in vain for ever.
const TOLD: usize = 16;

/// The refusals of the call that a store serves.
#[derive(Clone, Default)]
pub(crate) struct Refused(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    frame: Weak<Frame>,
    told: BTreeSet<String>,
    last: Option<String>,
}

impl Refused {
    /// Those of another call from now on.
    pub(crate) fn within(&self, frame: Option<&Arc<Frame>>) {
        let frame = frame.map(Arc::downgrade).unwrap_or_default();
        *self.said() = Said { frame, ..Said::default() };
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call.
    pub(crate) fn frame(&self) -> Option<Arc<Frame>> {
        self.said().frame.upgrade()
    }

    /// Tells of one, once.
    pub(crate) fn tell(&self, error: &Error) {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let words = format!("{}{hint}", error.message());
        let frame = {
            let mut said = self.said();
            said.last = Some(words.clone());
            if said.told.len() >= TOLD || !said.told.insert(words.clone()) {
                return;
            }
            said.frame.upgrade()
        };
        if let Some(frame) = frame {
            imports::log(&frame, LogLevel::Warn, &words);
        }
    }

    /// Adds the last one to the error of a guest that gave up.
    pub(crate) fn explain(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Trap || error.hint().is_some() {
            return error;
        }
        match self.said().last.take() {
            Some(words) => error.with_hint(words),
            None => error,
        }
    }
}
