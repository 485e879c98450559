//! What a plugin may ask of the host while it runs.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::distri::plugin::host;
use crate::bindings::distri::plugin::types;
use crate::json::to_json;

pub use crate::bindings::distri::plugin::types::LogLevel;

/// Why the host could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallError {
    /// `not-found`, `denied`, `timeout`, `guest-error`, …: see the host's documentation.
    pub kind: String,
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Details, as JSON.
    pub detail: Option<String>,
}

/// What went wrong and what to do about it: a tool that fails with it says both.
impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CallError {}

impl From<types::CallError> for CallError {
    fn from(error: types::CallError) -> Self {
        let types::CallError { kind, message, hint, detail } = error;
        Self { kind, message, hint, detail }
    }
}

/// A value that does not become JSON, or JSON that is not the value.
fn json_error(error: &impl fmt::Display) -> CallError {
    CallError {
        kind: "invalid-input".to_owned(),
        message: error.to_string(),
        hint: None,
        detail: None,
    }
}

/// Calls a tool and gives its value. The name is `package/tool`, or, where it
/// is unambiguous, `tool`. Several calls joined are under way at the same time.
///
/// # Errors
///
/// Of the kind `guest-error` when the tool itself fails.
pub async fn call_tool<T: DeserializeOwned>(
    name: &str,
    input: &impl Serialize,
) -> Result<T, CallError> {
    let input = to_json(input, "input").map_err(|error| json_error(&error))?;
    let value = import::call_tool(name, input).await?;
    serde_json::from_str(&value).map_err(|error| json_error(&error))
}

/// Gives a task to an agent and waits for its final text.
pub async fn call_agent(name: &str, task: &str) -> Result<String, CallError> {
    Ok(import::call_agent(name, task, String::new()).await?)
}

/// Gives a task to an agent, with options of the host program's own: a value that
/// becomes a JSON object.
pub async fn call_agent_with(
    name: &str,
    task: &str,
    options: &impl Serialize,
) -> Result<String, CallError> {
    let options = to_json(options, "options").map_err(|error| json_error(&error))?;
    Ok(import::call_agent(name, task, options).await?)
}

/// Reads a value of the call's session.
pub async fn get_session_value<T: DeserializeOwned>(key: &str) -> Result<Option<T>, CallError> {
    match import::get_session_value(key).await? {
        Some(value) => serde_json::from_str(&value).map(Some).map_err(|error| json_error(&error)),
        None => Ok(None),
    }
}

/// Writes a value of the call's session.
pub async fn set_session_value(key: &str, value: &impl Serialize) -> Result<(), CallError> {
    let value = to_json(value, "value").map_err(|error| json_error(&error))?;
    Ok(import::set_session_value(key, value).await?)
}

/// Writes one line to the host's log.
pub fn log(level: LogLevel, message: &str) {
    host::log(level, message);
}

impl FromStr for LogLevel {
    type Err = String;

    /// One of `trace`, `debug`, `info`, `warn` and `error`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "trace" => Ok(Self::Trace),
            "debug" => Ok(Self::Debug),
            "info" => Ok(Self::Info),
            "warn" => Ok(Self::Warn),
            "error" => Ok(Self::Error),
            other => Err(format!("there is no log level `{other}`")),
        }
    }
}

/// The host's functions as futures, on either track.
mod import {
    use crate::bindings::distri::plugin::host;
    use crate::bindings::distri::plugin::types::CallError;

    #[cfg(not(feature = "sync"))]
    mod track {
        use super::{CallError, host};

        pub(crate) async fn call_tool(name: &str, input: String) -> Result<String, CallError> {
            host::call_tool(name.to_owned(), input).await
        }

        pub(crate) async fn call_agent(
            name: &str,
            task: &str,
            options: String,
        ) -> Result<String, CallError> {
            host::call_agent(name.to_owned(), task.to_owned(), options).await
        }

        pub(crate) async fn get_session_value(key: &str) -> Result<Option<String>, CallError> {
            host::get_session_value(key.to_owned()).await
        }

        pub(crate) async fn set_session_value(key: &str, value: String) -> Result<(), CallError> {
            host::set_session_value(key.to_owned(), value).await
        }
    }

    #[cfg(feature = "sync")]
    #[expect(clippy::unused_async, reason = "the same functions as on the async track")]
    mod track {
        use super::{CallError, host};

        pub(crate) async fn call_tool(name: &str, input: String) -> Result<String, CallError> {
            host::call_tool(name, &input)
        }

        pub(crate) async fn call_agent(
            name: &str,
            task: &str,
            options: String,
        ) -> Result<String, CallError> {
            host::call_agent(name, task, &options)
        }

        pub(crate) async fn get_session_value(key: &str) -> Result<Option<String>, CallError> {
            host::get_session_value(key)
        }

        pub(crate) async fn set_session_value(key: &str, value: String) -> Result<(), CallError> {
            host::set_session_value(key, &value)
        }
    }

    pub(crate) use track::{call_agent, call_tool, get_session_value, set_session_value};
}
