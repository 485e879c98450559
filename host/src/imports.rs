//! `distri:plugin/host`: what a plugin may ask of the host while it runs.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::{Accessor, HasSelf, Linker};

use crate::bindings::{self, CallError};
use crate::frame::Frame;
use crate::state::State;
use crate::{AgentCall, Error, ErrorKind, LogLevel, LogRecord, Result, json};

/// Longest log line that is passed on, in bytes.
const LOG_LINE: usize = 8 << 10;

pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    bindings::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

/// The call within which the guest asks.
fn frame<T>(accessor: &Accessor<State, T>) -> Result<Arc<Frame>>
where
    T: wasmtime::component::HasData,
{
    accessor.with(|mut access| access.data_mut().frame.clone()).ok_or_else(|| {
        Error::new(ErrorKind::Denied, "the host cannot be asked while the plugin is being built")
            .with_hint("ask inside a tool or workflow, not at a module's top level")
    })
}

/// Runs what a guest asked for in a task of its own. Within the guest's store
/// nothing else may run a store; and when the guest goes away, so does the task.
async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T, CallError> {
    match AbortOnDropHandle::new(tokio::spawn(work)).await {
        Ok(result) => result.map_err(Error::into_call_error),
        Err(error) => {
            tracing::error!(%error, "a host call failed");
            Err(Error::new(ErrorKind::Internal, "a host call failed").into_call_error())
        }
    }
}

impl bindings::HostWithStore<State> for HasSelf<State> {
    async fn call_tool(
        accessor: &Accessor<State, Self>,
        name: String,
        input: String,
    ) -> Result<String, CallError> {
        let frame = frame(accessor).map_err(Error::into_call_error)?;
        apart(async move { frame.host.clone().call_from_guest(&frame, &name, input).await }).await
    }

    async fn call_agent(
        accessor: &Accessor<State, Self>,
        name: String,
        task: String,
        options: String,
    ) -> Result<String, CallError> {
        let frame = frame(accessor).map_err(Error::into_call_error)?;
        apart(async move {
            let options = if options.is_empty() { "{}".to_owned() } else { options };
            json::check(&options, "the options of `callAgent`", &frame.limits)?;
            let call = AgentCall { name, task, options, caller: frame.caller() };
            let answer = frame.host.services().call_agent(call);
            tokio::time::timeout_at(frame.deadline.into(), answer)
                .await
                .unwrap_or_else(|_| Err(crate::outcome::timed_out(&frame.name(), &frame.limits)))
        })
        .await
    }

    async fn get_session_value(
        accessor: &Accessor<State, Self>,
        key: String,
    ) -> Result<Option<String>, CallError> {
        let frame = frame(accessor).map_err(Error::into_call_error)?;
        apart(async move { frame.host.services().get_session_value(session(&frame)?, &key).await })
            .await
    }

    async fn set_session_value(
        accessor: &Accessor<State, Self>,
        key: String,
        value: String,
    ) -> Result<(), CallError> {
        let frame = frame(accessor).map_err(Error::into_call_error)?;
        apart(async move {
            json::check(&value, &format!("the session value `{key}`"), &frame.limits)?;
            frame.host.services().set_session_value(session(&frame)?, &key, value).await
        })
        .await
    }
}

impl bindings::Host for State {
    fn log(&mut self, level: bindings::LogLevel, message: String) {
        let Some(frame) = &self.frame else { return };
        let level = match level {
            bindings::LogLevel::Trace => LogLevel::Trace,
            bindings::LogLevel::Debug => LogLevel::Debug,
            bindings::LogLevel::Info => LogLevel::Info,
            bindings::LogLevel::Warn => LogLevel::Warn,
            bindings::LogLevel::Error => LogLevel::Error,
        };
        log(frame, level, &message);
    }
}

/// Passes a plugin's line on, as one line that cannot pose as another.
pub(crate) fn log(frame: &Frame, level: LogLevel, message: &str) {
    frame.host.services().log(LogRecord {
        level,
        message: one_line(message),
        package: frame.plugin.info.package.to_string(),
        call_id: frame.call_id.clone(),
    });
}

/// Escapes control characters and cuts at [`LOG_LINE`] bytes.
fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len().min(LOG_LINE));
    for c in message.chars() {
        if line.len() >= LOG_LINE {
            line.push('…');
            break;
        }
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// The session of a call.
fn session(frame: &Frame) -> Result<&str> {
    frame.context.session_id.as_deref().ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("`{}` was not called in a session", frame.name()),
        )
        .with_hint("session values need a caller that names a session")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_stays_one_line() {
        assert_eq!(one_line("a\r\nERROR forged\u{1b}[2J"), "a\\r\\nERROR forged\\u{1b}[2J");
        assert!(one_line(&"x".repeat(100_000)).len() <= LOG_LINE + '…'.len_utf8());
    }
}
