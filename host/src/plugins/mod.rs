//! The loaded plugins.

pub(crate) mod item;
pub(crate) mod plugin;
pub(crate) mod registry;
