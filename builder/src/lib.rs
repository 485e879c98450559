//! Builds plugin packages: TypeScript and Rust sources become components that
//! conform to `distri:plugin`, are checked, and are recorded as
//! [`distri_host::Artifact`]s. Nothing of a package runs here but the top level
//! of its script and `get-*-info`, bounded and with no grants; and a Rust
//! package's build scripts, which cargo runs with the user's rights and without the
//! operator's secrets in their environment.

mod bundle;
mod bundler;
mod component;
mod engine;
mod environment;
mod error;
mod fault;
mod inputs;
mod members;
mod modules;
mod nesting;
mod package;
mod platform;
mod read;
mod request;
mod resolve;
mod rust;
mod sdk;
mod snapshot;
mod sources;
mod stack;
mod syntax;
mod throws;
mod typescript;

pub use bundler::{BundlerProcess, bundle_text, serve_bundling};
pub use engine::SCRIPT_ENGINE;
pub use error::BuildError;
pub use package::{Builder, Built, Listener, Package, is_stale};
pub use stack::{Frame, StackMap};

/// The build crate's result type.
pub type Result<T, E = BuildError> = std::result::Result<T, E>;
