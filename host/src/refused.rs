//! What the sandbox refused a guest that is told no more than a number, as `std::fs`
//! and `std::net` tell it: the words go to the plugin's log, and with the error of a
//! call that fails without a hint of its own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Map, Value};

use crate::frame::Frame;
use crate::{Error, ErrorKind, LogLevel, ToolResult, imports};

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

    /// Puts the last one into the answer of a guest that tells of a file that it was
    /// refused: what line or grant is missing, the guest does not know.
    pub(crate) fn explain_answer(&self, mut answer: ToolResult) -> ToolResult {
        if answer.error.is_some()
            && let Ok(mut told) = serde_json::from_str::<Map<String, Value>>(&answer.result)
            && told.get("kind").and_then(Value::as_str) == Some(ErrorKind::Denied.as_str())
            && told.contains_key("syscall")
            && let Some(words) = self.said().last.clone()
        {
            told.insert("hint".to_owned(), words.into());
            answer.result = Value::Object(told).to_string();
        }
        answer
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
