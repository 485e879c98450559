//! One call of a plugin: who may what, and how much of it. What a call knows of its
//! package, its embedder and its callers; the door that everything it asks for goes
//! through; its limits and what it used of them. No WebAssembly in it.
//!
//! A part of `distri-host`, which gives out of it what embedders use; the rest changes
//! without notice.

pub mod account;
pub mod blocking;
pub mod call;
mod counters;
pub mod deadline;
pub mod decisions;
pub mod digest;
pub mod disk;
pub mod door;
pub mod embedder;
pub mod error;
mod forms;
pub mod frame;
pub mod grant;
pub mod json;
pub mod limits;
pub mod log;
pub mod meter;
pub mod overrun;
pub mod package;
pub mod places;
pub mod redact;
pub mod refused;
pub mod services;
pub mod sessions;
pub mod text;
pub mod usage;

pub use call::{ExecutionContext, ItemKind, ToolCall, ToolResult, WorkflowCall, WorkflowResult};
pub use decisions::{Decision, Granted, decisions};
pub use digest::digest;
pub use error::{Error, ErrorKind, Result};
pub use limits::{Ineffective, Limits};
pub use services::{AgentCall, CallReport, Caller, Capability, HostServices, LogLevel, LogRecord};
pub use sessions::{InMemorySessions, Sessions};
