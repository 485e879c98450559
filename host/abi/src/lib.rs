//! `wit/` in Rust: what a plugin exports and imports, in each version; how it becomes the
//! host's own types; and why a component is no plugin.
//!
//! A part of `distri-host`, which gives out of it what embedders use; the rest changes
//! without notice.

#[expect(missing_docs, reason = "generated")]
pub mod bindings;
pub mod convert;
pub mod exports;
pub mod refusal;
pub mod shape;
mod wit;

pub use shape::{check as check_shape, within_bounds};
pub use wit::Wit;
