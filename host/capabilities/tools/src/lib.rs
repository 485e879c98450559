//! `distri:plugin/host`: what a plugin may ask of the host while it runs.

use std::sync::Arc;

use distri_abi::bindings;
use distri_abi::bindings::CallError;
use distri_abi::bindings::v02::distri::plugin::host as v02;
use distri_abi::bindings::v03::distri::plugin::host as v03;
use distri_call::deadline::within;
use distri_call::door::{LONGEST_NAME, apart, asking, authorise, named};
use distri_call::frame::Frame;
use distri_call::log::log;
use distri_call::text::said;
use distri_call::{AgentCall, Capability, Error, ErrorKind, LogLevel, Result, json};
use distri_manifest::NamePattern;
use wasmtime::component::{Accessor, HasData, Linker};

/// What a store has for what its guest asks of the host.
pub struct ToolsCtx<'a> {
    /// The call within which the guest asks.
    pub frame: Option<&'a Arc<Frame>>,
}

/// A store whose guest may ask for tools, agents and sessions, and log.
pub trait ToolsView: Send + 'static {
    /// What it has for that.
    fn tools(&mut self) -> ToolsCtx<'_>;
}

struct HasTools;

impl HasData for HasTools {
    type Data<'a> = ToolsCtx<'a>;
}

/// Links every version of `distri:plugin/host`.
pub fn add_to_linker<T: ToolsView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    v02::add_to_linker::<T, HasTools>(linker, T::tools)?;
    v03::add_to_linker::<T, HasTools>(linker, T::tools)
}

async fn call_tool(caller: Arc<Frame>, name: String, input: String) -> Result<String, CallError> {
    named(&name, "the name of a tool")?;
    let (asking, target) = (Arc::clone(&caller), name.clone());
    apart(&asking, "call-tool", Some(&target), async move {
        caller.callees().call_tool(&caller, &name, input).await
    })
    .await
    .map_err(Into::into)
}

async fn call_agent(
    frame: Arc<Frame>,
    name: String,
    task: String,
    options: String,
) -> Result<String, CallError> {
    named(&name, "the name of an agent")?;
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
        let call = AgentCall::new(name, task, options, frame.caller());
        let answer = frame.embedder().call_agent(call);
        let answer = within(frame.deadline, answer).await.unwrap_or_else(|_| {
            Err(distri_call::overrun::timed_out(&frame.name(), &frame.limits))
        })?;
        json::check_size(&answer, "the answer of the agent", &frame.limits)?;
        Ok(answer)
    })
    .await
    .map_err(Into::into)
}

async fn get_session_value(frame: Arc<Frame>, key: String) -> Result<Option<String>, CallError> {
    named(&key, "the name of a session's value")?;
    let asking = Arc::clone(&frame);
    apart(&asking, "get-session-value", None, async move {
        let session = session(&frame)?;
        frame.embedder().ledger.touch(session);
        let (_, key) = kept_as(&frame, &key);
        frame.embedder().sessions().get(session, &key).await
    })
    .await
    .map_err(Into::into)
}

async fn set_session_value(frame: Arc<Frame>, key: String, value: String) -> Result<(), CallError> {
    named(&key, "the name of a session's value")?;
    let asking = Arc::clone(&frame);
    apart(&asking, "set-session-value", None, async move {
        json::check(&value, format_args!("the session value `{}`", said(&key)), &frame.limits)?;
        let (session, sessions) = (session(&frame)?, frame.embedder().sessions());
        let (space, key) = kept_as(&frame, &key);
        let writing = frame.embedder().ledger.write(session, &space, &key, value.len())?;
        for forgotten in &writing.forgotten {
            sessions.forget(forgotten).await?;
        }
        sessions.set(session, &key, value).await
    })
    .await
    .map_err(Into::into)
}

/// Who keeps a session's value, and the key that it is kept under: the call's package,
/// unless it asks to share values of this name with others that do.
fn kept_as(frame: &Frame, key: &str) -> (String, String) {
    let package = &frame.package.name;
    let name = key.split('/').next().unwrap_or(key);
    if frame.package.grant.asked().session.iter().any(|shared| shared.as_str() == name) {
        (format!("*/{name}"), format!("*/{key}"))
    } else {
        (package.to_string(), format!("{package}/{key}"))
    }
}

/// Several of these may be under way for one guest.
impl<T: ToolsView> v03::HostWithStore<T> for HasTools {
    async fn call_tool(
        accessor: &Accessor<T, Self>,
        name: String,
        input: String,
    ) -> Result<String, CallError> {
        call_tool(accessor.with(|mut access| asking(access.get().frame))?, name, input).await
    }

    async fn call_agent(
        accessor: &Accessor<T, Self>,
        name: String,
        task: String,
        options: String,
    ) -> Result<String, CallError> {
        call_agent(accessor.with(|mut access| asking(access.get().frame))?, name, task, options)
            .await
    }

    async fn get_session_value(
        accessor: &Accessor<T, Self>,
        key: String,
    ) -> Result<Option<String>, CallError> {
        get_session_value(accessor.with(|mut access| asking(access.get().frame))?, key).await
    }

    async fn set_session_value(
        accessor: &Accessor<T, Self>,
        key: String,
        value: String,
    ) -> Result<(), CallError> {
        set_session_value(accessor.with(|mut access| asking(access.get().frame))?, key, value).await
    }
}

impl v03::Host for ToolsCtx<'_> {
    fn log(&mut self, level: bindings::LogLevel, message: String) {
        guest_log(self.frame, level, &message);
    }
}

/// The guest waits for each of these, on its own stack.
impl v02::Host for ToolsCtx<'_> {
    async fn call_tool(&mut self, name: String, input: String) -> Result<String, CallError> {
        call_tool(asking(self.frame)?, name, input).await
    }

    async fn call_agent(
        &mut self,
        name: String,
        task: String,
        options: String,
    ) -> Result<String, CallError> {
        call_agent(asking(self.frame)?, name, task, options).await
    }

    async fn get_session_value(&mut self, key: String) -> Result<Option<String>, CallError> {
        get_session_value(asking(self.frame)?, key).await
    }

    async fn set_session_value(&mut self, key: String, value: String) -> Result<(), CallError> {
        set_session_value(asking(self.frame)?, key, value).await
    }

    async fn log(&mut self, level: bindings::LogLevel, message: String) {
        guest_log(self.frame, level, &message);
    }
}

fn guest_log(frame: Option<&Arc<Frame>>, level: bindings::LogLevel, message: &str) {
    let Some(frame) = frame else { return };
    let level = match level {
        bindings::LogLevel::Trace => LogLevel::Trace,
        bindings::LogLevel::Debug => LogLevel::Debug,
        bindings::LogLevel::Info => LogLevel::Info,
        bindings::LogLevel::Warn => LogLevel::Warn,
        bindings::LogLevel::Error => LogLevel::Error,
    };
    log(frame, level, message);
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
    if session.len() > LONGEST_NAME {
        let message =
            format!("the session's name has {} bytes, {LONGEST_NAME} are allowed", session.len());
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(session)
}
