//! The embeddable host for Distri plugins: WebAssembly components that offer
//! tools and workflows to AI agents, run in this process, each call on a fresh
//! instance that can reach what its package was granted and nothing else.
//!
//! The twenty lines that matter: an agent of yours, limits, a plugin, a call, and
//! what can come of it.
//!
//! ```no_run
//! use distri_host::{AgentCall, ErrorKind, Host, HostServices, Limits, Result, ToolCall};
//!
//! struct Embedder;
//!
//! #[async_trait::async_trait]
//! impl HostServices for Embedder {
//!     async fn call_agent(&self, call: AgentCall) -> Result<String> {
//!         Ok(format!("what my model says to {:?}", call.task))
//!     }
//! }
//!
//! # async fn example() -> Result<()> {
//! let mut limits = Limits::default();
//! limits.timeout = std::time::Duration::from_secs(5);
//! let host = Host::builder().services(Embedder).limits(limits).build()?;
//! let package = host.load_plugin("examples/plugins/text-tools".as_ref()).await?;
//! let call = ToolCall::new(r#"{"text": "Hello, World!"}"#);
//! match host.execute_tool(&package, "slugify", call).await {
//!     Ok(answer) if answer.error.is_none() => println!("{}", answer.result),
//!     Ok(answer) => println!("the tool says: {:?}", answer.error),
//!     Err(error) if error.kind() == ErrorKind::Timeout => println!("too slow: {error}"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`Host`] is cheap to clone, and every clone may be called from any task.
//!   Dropping a call's future ends the call and everything it called.
//! - [`HostServices`] is what plugins get from your program: agents, sessions,
//!   secrets, a clock, a log; and what your program gets: a say in what plugins
//!   may call, and a [`CallReport`] of each call.
//! - [`Policy`] says what plugins may have of what their manifests ask for.
//! - [`Limits`] bounds what a call may use. All of them are on by default.
//! - [`Error`] has an [`ErrorKind`], the same for the API, the command line and
//!   guests.
//! - Each call is a `tracing` span `call`, each host call one of `host_call`
//!   within it, and `metrics` has `distri_calls_total`, `distri_call_seconds`,
//!   `distri_call_cpu_seconds`, `distri_call_peak_memory_bytes`,
//!   `distri_host_calls_total` and `distri_compilations_total`.
//!
//! Two features can be left out, for a program that is smaller and has less in it:
//! `databases` (SQLite and PostgreSQL) and `network` (outgoing requests). Plugins that
//! ask for what is left out are loaded all the same, and refused it when they use it.
//!
//! `host/examples` has an embedder with agents and one with a policy.

mod builder;
mod building;
mod calls;
mod executor;
mod host;
mod imports;
mod plugins;
mod preload;
mod resources;
mod store;

pub use builder::HostBuilder;
pub use building::Initialised;
pub use distri_abi::{Wit, check_shape, within_bounds};
pub use distri_artifact::{
    Artifact, ArtifactStore, Catalog, Description, ItemInfo, PluginInfo, RUNTIME_FOLDER, Script,
    Seen,
};
pub use distri_call::{
    AgentCall, CallReport, Caller, Capability, Decision, Error, ErrorKind, ExecutionContext,
    Granted, HostServices, InMemorySessions, Ineffective, ItemKind, Limits, LogLevel, LogRecord,
    Result, Sessions, ToolCall, ToolResult, WorkflowCall, WorkflowResult, decisions, digest,
};
#[cfg(feature = "databases")]
pub use distri_databases::{ExposedDatabase, exposed_databases};
pub use distri_engine::{CompilerProcess, run_for};
pub use distri_manifest::{Access, CapabilityKind, Policy};
#[cfg(feature = "network")]
pub use distri_network::Resolver;
pub use distri_schema::{SchemaFault, check_schema};
pub use executor::PluginExecutor;
pub use host::{Activity, Host};
pub use wasmtime_environ::VERSION as WASMTIME_VERSION;
