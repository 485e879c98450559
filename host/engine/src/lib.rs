//! WebAssembly to machine code: the engine, the cache of what was compiled, the compiler
//! in a process of its own, and which code is in memory. It knows neither what a store
//! holds nor what a plugin may import.
//!
//! A part of `distri-host`, which gives out of it what embedders use; the rest changes
//! without notice.

pub mod cache;
mod child;
pub mod code;
pub mod compiler;
pub mod engine;
pub mod functions;
pub mod images;
mod process;
pub mod service;
pub mod skeletons;
pub mod split;
mod turns;

pub use child::run_for;
pub use process::CompilerProcess;
