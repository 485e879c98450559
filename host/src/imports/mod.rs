//! What plugins may import.

pub(crate) mod linker;
mod wasi;
