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
//! `host/examples` has an embedder with agents and one with a policy.

mod abi;
mod account;
mod artifact;
mod bindings;
mod blocking;
mod builder;
mod building;
mod cache;
mod call;
mod child;
mod code;
mod compilation;
mod compiler;
mod compiling;
mod convert;
mod counters;
mod databases;
mod deadline;
mod decisions;
mod disk;
mod door;
mod embedder;
mod engine;
mod error;
mod executor;
mod filesystem;
mod fitting;
mod forms;
mod frame;
mod frozen;
mod functions;
mod grant;
mod host;
mod images;
mod instance;
mod item;
mod items;
mod json;
mod kept;
mod limiter;
mod limits;
mod linker;
mod log;
mod meter;
mod network;
mod outcome;
mod output;
mod package;
mod places;
mod plugin;
mod redact;
mod refusal;
mod refused;
mod registry;
mod resources;
mod schema;
mod services;
mod sessions;
mod shape;
mod state;
mod store;
mod stores;
mod text;
mod tools;
mod turns;
mod usage;
mod waiting;
mod wasi;
mod web;
mod wit;

pub use artifact::{Artifact, Catalog, Script};
pub use builder::HostBuilder;
pub use building::Initialised;
pub use cache::digest;
pub use call::{ExecutionContext, ItemKind, ToolCall, ToolResult, WorkflowCall, WorkflowResult};
pub use child::run_for;
pub use compiler::CompilerProcess;
pub use databases::{ExposedDatabase, exposed_databases};
pub use decisions::{Decision, Granted, decisions};
pub use distri_manifest::{Access, Policy};
pub use error::{Error, ErrorKind, Result};
pub use executor::PluginExecutor;
pub use host::{Activity, Host};
pub use items::{Description, ItemInfo, PluginInfo};
pub use limits::{Ineffective, Limits};
pub use network::Resolver;
pub use schema::{SchemaFault, check_schema};
pub use services::{AgentCall, CallReport, Caller, Capability, HostServices, LogLevel, LogRecord};
pub use sessions::{InMemorySessions, Sessions};
pub use shape::{check as check_shape, within_bounds};
pub use store::{ArtifactStore, RUNTIME_FOLDER};
pub use wasmtime_environ::VERSION as WASMTIME_VERSION;
pub use wit::Wit;
