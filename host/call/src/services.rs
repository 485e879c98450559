//! What an embedder supplies to plugins, and a complete default in memory.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use distri_manifest::{Access, CapabilityKind, HostPattern};

use crate::{Error, ErrorKind, ExecutionContext, ItemKind, Result, Sessions};

/// Who asks: taken from the host's own record of the call, never from the guest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Caller {
    /// The package that asks.
    pub package: String,
    /// Its tool or workflow that asks.
    pub item: String,
    /// The call within which it asks.
    pub call_id: String,
    /// On whose behalf.
    pub context: ExecutionContext,
    /// The calls that led to it, as `package/item`, outermost first, its own last.
    pub chain: Vec<String>,
}

/// A plugin's `callAgent`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AgentCall {
    /// The agent's name.
    pub name: String,
    /// What it is to do.
    pub task: String,
    /// A JSON object; `{}` for none.
    pub options: String,
    /// Who asks.
    pub caller: Caller,
}

impl AgentCall {
    /// A call of an agent by `caller`.
    pub fn new(name: String, task: String, options: String, caller: Caller) -> Self {
        Self { name, task, options, caller }
    }
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For finding faults.
    Debug,
    /// Worth knowing.
    Info,
    /// Probably wrong.
    Warn,
    /// Certainly wrong.
    Error,
}

/// A line that a plugin logged: one line, without control characters, at most
/// 8 KiB.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// The line.
    pub message: String,
    /// The package that logged it.
    pub package: String,
    /// The call it was logged in.
    pub call_id: String,
}

/// Something that a plugin asks for while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability<'a> {
    /// To call the tool `package/tool`.
    Tool(&'a str),
    /// To call the agent of this name.
    Agent(&'a str),
    /// To see the secret of this name.
    Secret(&'a str),
    /// To have the host add a secret to a request, without seeing it.
    BoundSecret {
        /// The secret.
        name: &'a str,
        /// Where the request goes, as `scheme://host:port`.
        host: &'a str,
    },
    /// To see the environment variable of this name.
    Env(&'a str),
    /// To reach a host, as `scheme://host:port`.
    Network(&'a str),
    /// To see a folder of the workspace.
    Filesystem {
        /// Where the plugin sees it.
        guest: &'a str,
        /// The folder, relative to the workspace's root.
        path: &'a str,
        /// How far.
        access: Access,
    },
    /// To use the database of this name.
    Database {
        /// The database.
        name: &'a str,
        /// How far.
        access: Access,
    },
}

impl<'a> Capability<'a> {
    /// Of what kind it is.
    pub fn kind(&self) -> CapabilityKind {
        match self {
            Self::Tool(_) => CapabilityKind::Tools,
            Self::Agent(_) => CapabilityKind::Agents,
            Self::Secret(_) | Self::BoundSecret { .. } => CapabilityKind::Secrets,
            Self::Env(_) => CapabilityKind::Env,
            Self::Network(_) => CapabilityKind::Network,
            Self::Filesystem { .. } => CapabilityKind::Filesystem,
            Self::Database { .. } => CapabilityKind::Databases,
        }
    }

    /// What it is about: a tool, an agent, a name, a host, a folder.
    pub fn target(&self) -> &'a str {
        match self {
            Self::Tool(target)
            | Self::Agent(target)
            | Self::Secret(target)
            | Self::BoundSecret { name: target, .. }
            | Self::Env(target)
            | Self::Network(target)
            | Self::Filesystem { path: target, .. }
            | Self::Database { name: target, .. } => target,
        }
    }

    /// What a plugin that has it may do, after "may".
    pub fn describe(&self) -> String {
        match self {
            Self::Tool(tool) => format!("call the tool `{tool}`"),
            Self::Agent(agent) => format!("call the agent `{agent}`"),
            Self::Secret(name) => format!("see the secret `{name}`"),
            Self::BoundSecret { name, host } => {
                format!("have the secret `{name}` sent to `{}`", shortest(host))
            }
            Self::Env(name) => format!("see the environment variable `{name}`"),
            Self::Network(origin) => format!("reach `{}`", shortest(origin)),
            Self::Filesystem { path, access, .. } => match access {
                Access::Read => format!("read the folder `{path}`"),
                Access::ReadWrite => format!("write to the folder `{path}`"),
            },
            Self::Database { name, access } => match access {
                Access::Read => format!("read the database `{name}`"),
                Access::ReadWrite => format!("write to the database `{name}`"),
            },
        }
    }

    /// The table below `capabilities`, or below a package in a policy, that asks for
    /// it or allows it, empty for that one itself; and the line in it.
    pub fn line(&self, allows: bool) -> (&'static str, String) {
        let access = |access: &Access| match access {
            Access::Read => String::new(),
            Access::ReadWrite => format!(", access = {}", quoted(access.as_str())),
        };
        match self {
            Self::Tool(tool) => ("", format!("tools = [{}]", quoted(tool))),
            Self::Agent(agent) => ("", format!("agents = [{}]", quoted(agent))),
            Self::Secret(name) => ("", format!("secrets = [{}]", quoted(name))),
            Self::BoundSecret { name, host } => (
                "",
                format!(
                    "secrets = [{{ name = {}, host = {} }}]",
                    quoted(name),
                    quoted(&shortest(host))
                ),
            ),
            Self::Env(name) => ("", format!("env = [{}]", quoted(name))),
            Self::Network(origin) => {
                ("network", format!("hosts = [{}]", quoted(&shortest(origin))))
            }
            Self::Filesystem { guest, path, access: how } => {
                let guest =
                    if allows { String::new() } else { format!("guest = {}, ", quoted(guest)) };
                ("", format!("filesystem = [{{ {guest}path = {}{} }}]", quoted(path), access(how)))
            }
            Self::Database { name, access: how } => {
                ("", format!("databases = [{{ name = {}{} }}]", quoted(name), access(how)))
            }
        }
    }
}

/// A string as TOML has it: JSON's escapes are among TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An origin without the port that is its scheme's own.
pub fn shortest(origin: &str) -> String {
    origin.parse().map_or_else(|_| origin.to_owned(), |host: HostPattern| host.to_string())
}

/// What one call did, root or nested. Names and numbers only.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallReport {
    /// The package that was called.
    pub package: String,
    /// Its tool or workflow.
    pub item: String,
    /// Which of the two it is.
    pub kind: ItemKind,
    /// The call.
    pub call_id: String,
    /// The call that made it; none for a root call.
    pub caller_id: Option<String>,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// `ok`, or the name of an [`ErrorKind`].
    pub outcome: &'static str,
    /// Wall time, nested calls included.
    pub elapsed: Duration,
    /// Time on a processor, nested calls included.
    pub cpu: Duration,
    /// Bytes of linear memory at its highest.
    pub peak_memory: usize,
    /// Epochs of a millisecond during which the guest ran.
    pub ticks: u64,
}

/// What plugins get from the program that embeds the host. Every method
/// has a default; `()` has nothing but them. Each may be
/// called from many tasks at once; a dropped call drops its future. One that
/// panics fails the call that needed it as `internal`, and no other.
#[async_trait]
pub trait HostServices: Send + Sync + 'static {
    /// Gives a task to an agent and returns its final text.
    async fn call_agent(&self, call: AgentCall) -> Result<String> {
        Err(Error::new(ErrorKind::NotFound, format!("there is no agent `{}`", call.name))
            .with_hint("this host has no agents"))
    }

    /// A say of the embedder's own, after manifest and policy agreed: whether this
    /// caller may have what it asks for. Everything by default.
    ///
    /// # Errors
    ///
    /// Usually `denied`, which the plugin and its caller are told.
    fn authorise(&self, caller: &Caller, capability: Capability<'_>) -> Result<()> {
        let _ = (caller, capability);
        Ok(())
    }

    /// Takes what a plugin asked for while it ran, and whether it was let. For
    /// audits; called within the call: it must not block.
    fn observe_use(&self, caller: &Caller, capability: Capability<'_>, granted: bool) {
        let _ = (caller, capability, granted);
    }

    /// The value of an environment variable that a package was granted; that of
    /// this program's own environment by default.
    fn get_variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// The value of a secret that a package was granted; none by default.
    async fn get_secret(&self, package: &str, name: &str) -> Result<Option<String>> {
        let _ = (package, name);
        Ok(None)
    }

    /// The wall clock that plugins see; the machine's by default.
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Takes the report of a call that ended, cancelled ones included. Called
    /// within the call: it must not block.
    fn observe(&self, report: &CallReport) {
        let _ = report;
    }

    /// Where sessions' values are kept. None by default: the host then keeps them
    /// in memory, for as long as it lives. How many there may be and how large, is
    /// the host's to say in both cases: [`Limits::session_values`](crate::Limits) and
    /// what follows it.
    fn sessions(&self) -> Option<&dyn Sessions> {
        None
    }

    /// Takes a plugin's log line. By default it becomes a `tracing` event with
    /// the target `distri::plugin`.
    fn log(&self, record: LogRecord) {
        let LogRecord { level, message, package, call_id } = record;
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: "distri::plugin", tracing::Level::$level,
                    plugin = package, call_id, "{message}"
                )
            };
        }
        match level {
            LogLevel::Trace => event!(TRACE),
            LogLevel::Debug => event!(DEBUG),
            LogLevel::Info => event!(INFO),
            LogLevel::Warn => event!(WARN),
            LogLevel::Error => event!(ERROR),
        }
    }
}

/// Nothing of the embedder's own: no agents, no say beside the policy, no secrets,
/// sessions in memory, the machine's clock, log lines to `tracing`.
impl HostServices for () {}
