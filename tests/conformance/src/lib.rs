//! The conformance kit: what every plugin must do, whatever it was written in,
//! checked by running it.
//!
//! Some cases hold for any component. The others call the items of the reference
//! plugin, which `tests/conformance/README.md` describes: a component that has an
//! item of that name is taken at its word, and one that has not is let off. To
//! check a toolchain, write the reference plugin in it.

mod cases;
mod check;
mod kit;
mod sample;

pub use cases::{Case, cases};
pub use check::{Outcome, Report, Status, check};
