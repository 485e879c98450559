//! Running calls.

pub(crate) mod fitting;
pub(crate) mod instance;
pub(crate) mod kept;
pub(crate) mod outcome;
