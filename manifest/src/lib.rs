//! The manifest of a Distri plugin package, `distri.toml`: its types, its
//! parser and its validation, the rules for names and patterns, and the operator's
//! policy in the same terms. No wasmtime here, and no file is read but manifest
//! and policy themselves.
//!
//! ```
//! let manifest: distri_manifest::Manifest = r#"
//!     package = "weather"
//!     version = "0.1.0"
//!     [entrypoints]
//!     ts = "ts/index.ts"
//! "#
//! .parse()?;
//! assert_eq!(manifest.package.as_str(), "weather");
//! # Ok::<(), distri_manifest::ManifestError>(())
//! ```

mod capabilities;
mod diagnose;
mod digest;
mod error;
mod keys;
mod kind;
mod limits;
mod manifest;
mod name;
mod nearest;
mod pattern;
mod policy;
mod text;
mod units;

pub use capabilities::{
    Access, Binding, Capabilities, DatabaseRequest, FilesystemRequest, FolderPath, GuestPath,
    NetworkRequest, SecretRequest,
};
pub use digest::ComponentDigest;
pub use error::ManifestError;
pub use kind::CapabilityKind;
pub use limits::{LimitSettings, manifest_key};
pub use manifest::{
    Build, Dependency, EngineKind, Entrypoint, InstanceMode, Instances, LimitRequest,
    MANIFEST_FILE, Manifest, limit_line,
};
pub use name::{ItemName, ItemRef, NameError, PackageName, WORKSPACE_PACKAGE};
pub use nearest::{nearest, suggestion};
pub use pattern::{HostPattern, NamePattern, ToolPattern, VariableName};
pub use policy::{
    Allowance, DatabaseConfig, FilesystemAllowance, NetworkAllowance, POLICY_FILE, Policy,
};
pub use text::is_control;
pub use units::{ByteSize, Span};
