//! What the sandbox refused a guest that is told no more than a number, as `std::fs`
//! and `std::net` tell it: the words go to the plugin's log, and with the error of a
//! call that fails without a hint of its own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Map, Value};

use crate::frame::Frame;
use crate::{Error, ErrorKind, LogLevel, ToolResult, log};

/// Different refusals of one call that are told. A guest may try in vain for ever.
const TOLD: usize = 16;

/// The refusals of the call that a store serves.
#[derive(Clone, Default)]
pub struct Refused(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    frame: Weak<Frame>,
    told: BTreeSet<String>,
    last: Option<String>,
    /// Folders that the manifest asks for and the operator does not allow, where the
    /// plugin would see them, and what is missing.
    folders: Vec<(String, String)>,
}

impl Refused {
    /// Those of another call from now on.
    pub fn within(&self, frame: Option<&Arc<Frame>>) {
        let frame = frame.map(Arc::downgrade).unwrap_or_default();
        *self.said() = Said { frame, ..Said::default() };
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call.
    pub fn frame(&self) -> Option<Arc<Frame>> {
        self.said().frame.upgrade()
    }

    /// Tells of a folder that the operator does not allow, once.
    pub fn tell_of_folder(&self, guest: &str, error: &Error) {
        let mut said = self.said();
        if said.folders.len() < TOLD {
            said.folders.push((guest.to_owned(), words(error)));
        }
        drop(said);
        self.tell(error);
    }

    /// Tells of one, once.
    pub fn tell(&self, error: &Error) {
        let words = words(error);
        let frame = {
            let mut said = self.said();
            said.last = Some(words.clone());
            if said.told.len() >= TOLD || !said.told.insert(words.clone()) {
                return;
            }
            said.frame.upgrade()
        };
        if let Some(frame) = frame {
            log::log(&frame, LogLevel::Warn, &words);
        }
    }

    /// Puts into the answer of a guest that tells of a file that it was refused what is
    /// missing, where the manifest asks for the folder: that the guest does not know.
    pub fn explain_answer(&self, mut answer: ToolResult) -> ToolResult {
        if answer.error.is_some()
            && let Ok(mut told) = serde_json::from_str::<Map<String, Value>>(&answer.result)
            && told.get("kind").and_then(Value::as_str) == Some(ErrorKind::Denied.as_str())
            && told.contains_key("syscall")
            && let Some(words) = told.get("path").and_then(Value::as_str).and_then(|path| {
                let said = self.said();
                let holds = |guest: &str| {
                    path.strip_prefix(guest)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                said.folders.iter().find(|(guest, _)| holds(guest)).map(|(_, words)| words.clone())
            })
        {
            told.insert("hint".to_owned(), words.into());
            answer.result = Value::Object(told).to_string();
        }
        answer
    }

    /// Adds the last one to the error of a guest that gave up.
    pub fn explain(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Trap || error.hint().is_some() {
            return error;
        }
        match self.said().last.take() {
            Some(words) => error.with_hint(words),
            None => error,
        }
    }
}

/// What one says in a line.
fn words(error: &Error) -> String {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}{hint}", error.message())
}
