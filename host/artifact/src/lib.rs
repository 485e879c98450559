//! What a build leaves behind: components, and the catalog that says what each package
//! was built to. Enough to list, look at and grant; nothing runs here.
//!
//! A part of `distri-host`, which gives out of it what embedders use; the rest changes
//! without notice.

pub mod artifact;
pub mod items;
pub mod key;
mod parts;
mod seen;
mod store;

pub use artifact::{Artifact, Catalog, Script};
pub use items::{Description, ItemInfo, PluginInfo};
pub use seen::Seen;
pub use store::{ArtifactStore, RUNTIME_FOLDER};
