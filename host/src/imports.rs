//! `distri:plugin/host`: what a plugin may ask of the host while it runs.

use std::sync::Arc;

use distri_manifest::{ByteSize, NamePattern, is_control};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;
use wasmtime::component::{Accessor, HasSelf, Linker};

use crate::bindings::v02::distri::plugin::host as v02;
use crate::bindings::v03::distri::plugin::host as v03;
use crate::bindings::{self, CallError};
use crate::deadline::within;
use crate::frame::{Frame, LogLine};
use crate::state::State;
use crate::text::said;
use crate::{AgentCall, Capability, Error, ErrorKind, LogLevel, LogRecord, Result, json};

/// Longest name of what a host call was for, in a span, in bytes.
const TARGET: usize = 100;

/// Longest log line that is passed on, in bytes.
const LOG_LINE: usize = 8 << 10;

/// Longest name that a guest may ask for, of a tool, an agent, a session's value, in
/// bytes. Ten times what anybody needs, and little enough for everything that is done
/// with a name before it is known to be none.
const NAME: usize = 1 << 10;

/// Links every version of `distri:plugin/host` and of what else it imports.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    crate::databases::add_to_linker(linker)?;
    v02::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    v03::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

/// The call within which the guest asks.
pub(crate) fn frame(state: &State) -> Result<Arc<Frame>, CallError> {
    state.frame.clone().ok_or_else(|| {
        Error::new(ErrorKind::Denied, "the host cannot be asked while the plugin is being built")
            .with_hint("ask inside a tool or workflow, not at a module's top level")
            .into_call_error()
    })
}

/// Runs what a guest asked for in a task of its own. Within the guest's store
/// nothing else may run a store; and when the guest goes away, so does the task.
pub(crate) async fn apart<T: Send + 'static>(
    frame: &Frame,
    function: &'static str,
    target: Option<&str>,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T, CallError> {
    let _under_way = frame.host_calls.enter();
    let target = target.map(|target| one_line(&frame.hidden.redact_start(target, TARGET), TARGET));
    let outcome = tracing::field::Empty;
    let span = tracing::info_span!(parent: &frame.span, "host_call", function, target, outcome);
    let task = tokio::spawn(work.instrument(span.clone()));
    let result = match AbortOnDropHandle::new(task).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(parent: &span, %error, "a host call failed");
            Err(Error::new(ErrorKind::Internal, "a host call failed"))
        }
    };
    let outcome = result.as_ref().map_or_else(|error| error.kind().as_str(), |_| "ok");
    span.record("outcome", outcome);
    metrics::counter!("distri_host_calls_total", "function" => function, "outcome" => outcome)
        .increment(1);
    result.map_err(Error::into_call_error)
}

/// Whether the call's package may have something: manifest, policy and then the
/// embedder have a say.
pub(crate) fn permitted(frame: &Frame, capability: Capability<'_>) -> Result<()> {
    frame.plugin.grant.check(capability)?;
    frame.host.services().authorise(&frame.caller(), capability)
}

/// The door that everything a plugin reaches lies behind: lets it pass or not, and
/// has it recorded.
pub(crate) fn authorise(frame: &Frame, capability: Capability<'_>) -> Result<()> {
    authorise_if(frame, capability, || Ok(()))
}

/// The same, where whom it is about has a say, too.
pub(crate) fn authorise_if(
    frame: &Frame,
    capability: Capability<'_>,
    admitted: impl FnOnce() -> Result<()>,
) -> Result<()> {
    named(capability.target(), "the name of what is asked for")?;
    let answer = permitted(frame, capability).and_then(|()| admitted());
    frame.host.services().observe_use(&frame.caller(), capability, answer.is_ok());
    answer
}

/// Checks that a name is not longer than any is, before anything is done with it.
fn named(name: &str, what: &str) -> Result<()> {
    if name.len() <= NAME {
        return Ok(());
    }
    let message = format!("{what} has {} bytes, {NAME} are allowed", name.len());
    Err(Error::new(ErrorKind::PayloadTooLarge, message))
}

async fn call_tool(caller: Arc<Frame>, name: String, input: String) -> Result<String, CallError> {
    named(&name, "the name of a tool").map_err(Error::into_call_error)?;
    let (asking, target) = (Arc::clone(&caller), name.clone());
    apart(&asking, "call-tool", Some(&target), async move {
        caller.host.clone().call_from_guest(&caller, &name, input).await
    })
    .await
}

async fn call_agent(
    frame: Arc<Frame>,
    name: String,
    task: String,
    options: String,
) -> Result<String, CallError> {
    named(&name, "the name of an agent").map_err(Error::into_call_error)?;
    let (asking, target) = (Arc::clone(&frame), name.clone());
    apart(&asking, "call-agent", Some(&target), async move {
        let options = if options.is_empty() { "{}".to_owned() } else { options };
        json::check(&options, "the options of `callAgent`", &frame.limits)?;
        json::check_size(&task, "the task given to `callAgent`", &frame.limits)?;
        // It is shown to the operator, who must not be shown anything else.
        if name == "*" || name.parse::<NamePattern>().is_err() || frame.redact(&name) != name {
            return Err(Error::new(ErrorKind::InvalidInput, "an agent cannot have this name")
                .with_hint("names have letters, digits, `_`, `-`, `.` and `/`, at most 100"));
        }
        authorise(&frame, Capability::Agent(&name))?;
        let call = AgentCall { name, task, options, caller: frame.caller() };
        let answer = frame.host.services().call_agent(call);
        let answer = within(frame.deadline, answer)
            .await
            .unwrap_or_else(|_| Err(crate::outcome::timed_out(&frame.name(), &frame.limits)))?;
        json::check_size(&answer, "the answer of the agent", &frame.limits)?;
        Ok(answer)
    })
    .await
}

async fn get_session_value(frame: Arc<Frame>, key: String) -> Result<Option<String>, CallError> {
    named(&key, "the name of a session's value").map_err(Error::into_call_error)?;
    let asking = Arc::clone(&frame);
    apart(&asking, "get-session-value", None, async move {
        let session = session(&frame)?;
        frame.host.ledger().touch(session);
        let (_, key) = kept_as(&frame, &key);
        frame.host.sessions().get(session, &key).await
    })
    .await
}

async fn set_session_value(frame: Arc<Frame>, key: String, value: String) -> Result<(), CallError> {
    named(&key, "the name of a session's value").map_err(Error::into_call_error)?;
    let asking = Arc::clone(&frame);
    apart(&asking, "set-session-value", None, async move {
        json::check(&value, format_args!("the session value `{}`", said(&key)), &frame.limits)?;
        let (session, sessions) = (session(&frame)?, frame.host.sessions());
        let (space, key) = kept_as(&frame, &key);
        let writing = frame.host.ledger().write(session, &space, &key, value.len())?;
        for forgotten in &writing.forgotten {
            sessions.forget(forgotten).await?;
        }
        sessions.set(session, &key, value).await
    })
    .await
}

/// Who keeps a session's value, and the key that it is kept under: the call's package,
/// unless it asks to share values of this name with others that do.
fn kept_as(frame: &Frame, key: &str) -> (String, String) {
    let package = &frame.plugin.info.package;
    let name = key.split('/').next().unwrap_or(key);
    if frame.plugin.grant.asked().session.iter().any(|shared| shared.as_str() == name) {
        (format!("*/{name}"), format!("*/{key}"))
    } else {
        (package.to_string(), format!("{package}/{key}"))
    }
}

/// Several of these may be under way for one guest.
impl v03::HostWithStore<State> for HasSelf<State> {
    async fn call_tool(
        accessor: &Accessor<State, Self>,
        name: String,
        input: String,
    ) -> Result<String, CallError> {
        call_tool(accessor.with(|mut access| frame(access.get()))?, name, input).await
    }

    async fn call_agent(
        accessor: &Accessor<State, Self>,
        name: String,
        task: String,
        options: String,
    ) -> Result<String, CallError> {
        call_agent(accessor.with(|mut access| frame(access.get()))?, name, task, options).await
    }

    async fn get_session_value(
        accessor: &Accessor<State, Self>,
        key: String,
    ) -> Result<Option<String>, CallError> {
        get_session_value(accessor.with(|mut access| frame(access.get()))?, key).await
    }

    async fn set_session_value(
        accessor: &Accessor<State, Self>,
        key: String,
        value: String,
    ) -> Result<(), CallError> {
        set_session_value(accessor.with(|mut access| frame(access.get()))?, key, value).await
    }
}

impl v03::Host for State {
    fn log(&mut self, level: bindings::LogLevel, message: String) {
        guest_log(self, level, &message);
    }
}

/// The guest waits for each of these, on its own stack.
impl v02::Host for State {
    async fn call_tool(&mut self, name: String, input: String) -> Result<String, CallError> {
        call_tool(frame(self)?, name, input).await
    }

    async fn call_agent(
        &mut self,
        name: String,
        task: String,
        options: String,
    ) -> Result<String, CallError> {
        call_agent(frame(self)?, name, task, options).await
    }

    async fn get_session_value(&mut self, key: String) -> Result<Option<String>, CallError> {
        get_session_value(frame(self)?, key).await
    }

    async fn set_session_value(&mut self, key: String, value: String) -> Result<(), CallError> {
        set_session_value(frame(self)?, key, value).await
    }

    async fn log(&mut self, level: bindings::LogLevel, message: String) {
        guest_log(self, level, &message);
    }
}

fn guest_log(state: &State, level: bindings::LogLevel, message: &str) {
    let Some(frame) = &state.frame else { return };
    let level = match level {
        bindings::LogLevel::Trace => LogLevel::Trace,
        bindings::LogLevel::Debug => LogLevel::Debug,
        bindings::LogLevel::Info => LogLevel::Info,
        bindings::LogLevel::Warn => LogLevel::Warn,
        bindings::LogLevel::Error => LogLevel::Error,
    };
    log(frame, level, message);
}

/// Passes a plugin's line on, as one line that cannot pose as another, for as
/// long as the call's limits on logging last.
pub(crate) fn log(frame: &Frame, level: LogLevel, message: &str) {
    // Nothing is done with what nobody gets.
    if frame.logged.is_full(&frame.limits) {
        return;
    }
    let message = one_line(&frame.hidden.redact_start(message, LOG_LINE), LOG_LINE);
    let (level, message) = match frame.logged.count(message.len(), &frame.limits) {
        LogLine::Pass => (level, message),
        LogLine::Drop => return,
        LogLine::Cut => (
            LogLevel::Warn,
            format!(
                "this call logged more than {} lines or {}; the rest is dropped",
                frame.limits.log_lines,
                ByteSize(frame.limits.log_bytes as u64)
            ),
        ),
    };
    frame.host.services().log(LogRecord {
        level,
        message,
        package: frame.plugin.info.package.to_string(),
        call_id: frame.call_id.clone(),
    });
}

/// Escapes control characters and cuts at `max` bytes.
fn one_line(message: &str, max: usize) -> String {
    let mut line = String::with_capacity(message.len().min(max));
    for c in message.chars() {
        if line.len() >= max {
            line.push('…');
            break;
        }
        if is_control(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// The session of a call.
fn session(frame: &Frame) -> Result<&str> {
    let session = frame.context.session_id.as_deref().ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("`{}` was not called in a session", frame.name()),
        )
        .with_hint("session values need a caller that names a session")
    })?;
    if session.len() > NAME {
        let message = format!("the session's name has {} bytes, {NAME} are allowed", session.len());
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_stays_one_line() {
        assert_eq!(
            one_line("a\r\nERROR forged\u{1b}[2J", LOG_LINE),
            "a\\r\\nERROR forged\\u{1b}[2J"
        );
        assert!(one_line(&"x".repeat(100_000), LOG_LINE).len() <= LOG_LINE + '…'.len_utf8());
    }
}
