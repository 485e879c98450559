//! A Distri workspace: where its root is, which packages and agents it holds,
//! and how all of it is built into one catalog.
//!
//! A workspace has `agents/*.md`, `src/mod.ts` (the tools of the workspace
//! itself) and `plugins/*/`. Everything made at run time lies under
//! `.distri/runtime`; nothing else in the tree is written.

mod agents;
mod build;
mod check;
mod error;
mod root;

pub use agents::{Agent, ModelSettings, ScriptedAgents, load_agents};
pub use build::{BuildEvent, BuildReport, PackageBuild};
pub use check::PackageCheck;
pub use error::WorkspaceError;
pub use root::{Workspace, find_root};

/// The workspace crate's result type.
pub type Result<T, E = WorkspaceError> = std::result::Result<T, E>;
