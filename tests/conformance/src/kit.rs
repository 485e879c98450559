//! A host with the component under test.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use distri_host::{
    AgentCall, Caller, Capability, Error, ErrorKind, Host, HostBuilder, HostServices, Limits,
    LogRecord, PluginInfo, Result, ToolCall, ToolResult,
};
use distri_manifest::{Manifest, ManifestError, Policy};
use serde_json::Value;
use tokio::sync::{Barrier, Notify};

/// The names under which the component is loaded. The second one asks for less:
/// its calls have 300 ms.
pub(crate) const SUBJECT: &str = "subject";
pub(crate) const HURRIED: &str = "hurried";

/// A tool that the kit's policy refuses.
pub(crate) const REFUSED: &str = "hurried/count";

/// The secret that the kit grants to the subject.
pub(crate) const SECRET: (&str, &str) = ("CONFORMANCE_SECRET", "the secret's value");

/// The host, its services, and the component twice.
pub(crate) struct Kit {
    pub(crate) host: Host,
    pub(crate) services: Services,
    pub(crate) limits: Limits,
    pub(crate) info: PluginInfo,
}

impl Kit {
    pub(crate) async fn new(builder: HostBuilder, wasm: Vec<u8>) -> Result<Self> {
        let services = Services::default();
        let mut limits = Limits::default();
        limits.timeout = Duration::from_secs(20);
        limits.depth = 4;
        let host =
            builder.limits(limits.clone()).services(services.clone()).policy(policy()?).build()?;
        let subject = manifest(SUBJECT, &[SECRET.0, "OTHER"], "")?;
        host.load_component(&subject, wasm.clone()).await?;
        let hurried = manifest(HURRIED, &[], "[limits]\ntimeout = \"300ms\"\n")?;
        host.load_component(&hurried, wasm).await?;
        let info = host.plugin_info(SUBJECT)?;
        Ok(Self { host, services, limits, info })
    }

    /// Calls a tool of the subject.
    pub(crate) async fn call(&self, tool: &str, input: Value) -> Result<ToolResult> {
        self.host.execute_tool(SUBJECT, tool, ToolCall::new(input.to_string())).await
    }

    /// Calls a tool of the subject that must give a value.
    pub(crate) async fn value(&self, tool: &str, input: Value) -> Result<Value, String> {
        self.value_of(tool, ToolCall::new(input.to_string())).await
    }

    /// The same, with a call of one's own.
    pub(crate) async fn value_of(&self, tool: &str, call: ToolCall) -> Result<Value, String> {
        value(self.host.execute_tool(SUBJECT, tool, call).await)
    }

    /// The lines that were logged in this case.
    pub(crate) fn logged(&self) -> Vec<LogRecord> {
        std::mem::take(&mut self.services.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The value that a call gave.
pub(crate) fn value(answer: Result<ToolResult>) -> Result<Value, String> {
    let answer = answer.map_err(|error| format!("{}: {error}", error.kind()))?;
    match answer.error {
        Some(error) => Err(format!("it answered with the error {error:?}")),
        None => serde_json::from_str(&answer.result).map_err(|error| error.to_string()),
    }
}

/// A manifest that asks for every tool and agent, and for what else is given.
fn manifest(package: &str, secrets: &[&str], more: &str) -> Result<Manifest> {
    let text = format!(
        "package = \"{package}\"\nversion = \"1.0.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n\
         [capabilities]\ntools = [\"*\"]\nagents = [\"*\"]\nsecrets = {secrets:?}\n{more}"
    );
    text.parse().map_err(|error| kits_own("manifest", &error))
}

/// The secret is granted, beside tools and agents.
fn policy() -> Result<Policy> {
    let text = format!("[all]\nsecrets = [\"{}\"]\n", SECRET.0);
    let policy: Policy = text.parse().map_err(|error| kits_own("policy", &error))?;
    Ok(Policy { open_workspace: true, ..policy })
}

fn kits_own(what: &str, error: &ManifestError) -> Error {
    Error::new(ErrorKind::Internal, format!("the kit's own {what}: {error}"))
}

/// What plugins get from the kit. The agent `upper` gives its task in capitals,
/// `options` its options, `meet` waits until two ask, `never` never answers, and
/// `error` fails with the kind that is its task.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) log: Arc<Mutex<Vec<LogRecord>>>,
    pub(crate) asked: Arc<Notify>,
    meeting: Arc<Barrier>,
}

impl Default for Services {
    fn default() -> Self {
        Self { log: Arc::default(), asked: Arc::default(), meeting: Arc::new(Barrier::new(2)) }
    }
}

/// Every kind of error that a plugin may be told.
pub(crate) const KINDS: [ErrorKind; 14] = [
    ErrorKind::NotFound,
    ErrorKind::InvalidInput,
    ErrorKind::InvalidComponent,
    ErrorKind::Denied,
    ErrorKind::Timeout,
    ErrorKind::MemoryLimit,
    ErrorKind::ResourceLimit,
    ErrorKind::PayloadTooLarge,
    ErrorKind::StackOverflow,
    ErrorKind::Limit,
    ErrorKind::Trap,
    ErrorKind::GuestError,
    ErrorKind::Cancelled,
    ErrorKind::Internal,
];

#[async_trait]
impl HostServices for Services {
    async fn call_agent(&self, call: AgentCall) -> Result<String> {
        match call.name.as_str() {
            "upper" => Ok(call.task.to_uppercase()),
            "options" => Ok(call.options),
            "meet" => {
                self.meeting.wait().await;
                Ok("met".to_owned())
            }
            "never" => {
                self.asked.notify_one();
                std::future::pending().await
            }
            "error" => {
                let kind = KINDS.into_iter().find(|kind| kind.as_str() == call.task);
                Err(Error::new(kind.unwrap_or(ErrorKind::NotFound), "what went wrong: ü")
                    .with_hint("what to do")
                    .with_detail(r#"{"more":[1]}"#))
            }
            name => Err(Error::new(ErrorKind::NotFound, format!("there is no agent `{name}`"))),
        }
    }

    fn authorise(&self, _: &Caller, capability: Capability<'_>) -> Result<()> {
        match capability {
            Capability::Tool(REFUSED) => {
                Err(Error::new(ErrorKind::Denied, format!("`{REFUSED}` is refused")))
            }
            _ => Ok(()),
        }
    }

    async fn get_secret(&self, package: &str, name: &str) -> Result<Option<String>> {
        Ok((package == SUBJECT && name == SECRET.0).then(|| SECRET.1.to_owned()))
    }

    fn log(&self, record: LogRecord) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }
}
