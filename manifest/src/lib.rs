//! The manifest of a Distri plugin package, `distri.toml`: its types, its
//! parser and its validation, and the rules for names. No wasmtime here, and no
//! file is read but the manifest itself.
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
mod error;
mod manifest;
mod name;
mod nearest;
mod units;

pub use capabilities::{
    Access, Capabilities, DatabaseRequest, FilesystemRequest, NetworkRequest, SecretRequest,
};
pub use error::ManifestError;
pub use manifest::{
    Build, Dependency, EngineKind, Entrypoint, InstanceMode, Instances, LimitRequest,
    MANIFEST_FILE, Manifest,
};
pub use name::{ItemName, ItemRef, NameError, PackageName, WORKSPACE_PACKAGE};
pub use nearest::{nearest, suggestion};
pub use units::{ByteSize, Span};
