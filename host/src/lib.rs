//! The embeddable host for Distri plugins: WebAssembly components that offer
//! tools and workflows to AI agents, run in this process, each call on a fresh
//! instance with nothing granted.
//!
//! ```no_run
//! use distri_host::{Host, ToolCall};
//!
//! # async fn example() -> distri_host::Result<()> {
//! let host = Host::builder().build()?;
//! let package = host.load_plugin("examples/plugins/text-tools".as_ref()).await?;
//! let call = ToolCall::new(r#"{"text": "Hello, World!"}"#);
//! let answer = host.execute_tool(&package, "slugify", call).await?;
//! assert_eq!(answer.result, r#"{"slug":"hello-world"}"#);
//! # Ok(())
//! # }
//! ```
//!
//! What plugins get from your program - agents, sessions, a log - you supply as
//! [`HostServices`]; what a call may use at most is in [`Limits`]; what can go
//! wrong is an [`Error`] with an [`ErrorKind`].

mod artifact;
mod bindings;
mod building;
mod cache;
mod call;
mod code;
mod engine;
mod error;
mod executor;
mod frame;
mod frozen;
mod functions;
mod host;
mod imports;
mod instance;
mod json;
mod limiter;
mod limits;
mod outcome;
mod output;
mod plugin;
mod registry;
mod services;
mod state;

pub use artifact::{Artifact, ArtifactStore, Catalog, RUNTIME_FOLDER, Script};
pub use building::Initialised;
pub use cache::digest;
pub use call::{
    ExecutionContext, ItemInfo, ItemKind, PluginInfo, ToolCall, ToolResult, WorkflowCall,
    WorkflowResult,
};
pub use error::{Error, ErrorKind, Result};
pub use executor::PluginExecutor;
pub use host::{Activity, Host, HostBuilder};
pub use limits::Limits;
pub use services::{AgentCall, Caller, HostServices, InMemorySessions, LogLevel, LogRecord};
