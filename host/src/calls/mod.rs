//! Running calls.

pub(crate) mod callees;
mod fitting;
pub(crate) mod instance;
pub(crate) mod kept;
pub(crate) mod outcome;
pub(crate) mod runner;
