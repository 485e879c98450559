//! A Distri workspace: where its root is, which packages and agents it holds,
//! and how all of it is built into one catalog.
//!
//! A workspace has `agents/*.md`, `src/mod.ts` (the tools of the workspace
//! itself) and `plugins/*/`. Everything made at run time lies under
//! `.distri/runtime`; nothing else in the tree is written. What its operator
//! decided - approvals, secrets, a policy - lies outside it.

mod agents;
mod approvals;
mod audit;
mod build;
mod check;
mod error;
mod limits;
mod packages;
mod policy;
mod repository;
mod root;
mod secrets;
mod user_file;

pub use agents::{Agent, ModelSettings, ScriptedAgents, load_agents};
pub use approvals::{Approval, Approvals, Changed, Given, needing_approval};
pub use audit::{Audit, PackageAudit};
pub use build::{BuildEvent, BuildReport, PackageBuild};
pub use check::PackageCheck;
pub use error::WorkspaceError;
pub use root::{Workspace, find_root};
pub use secrets::SecretStore;
pub use user_file::config_folder;

/// The workspace crate's result type.
pub type Result<T, E = WorkspaceError> = std::result::Result<T, E>;
