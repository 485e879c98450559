//! WebAssembly to machine code: the engine, the cache of what was compiled, the compiler
//! in a process of its own, and which code is in memory. It knows neither what a store
//! holds nor what a plugin may import.
//!
//! A part of `distri-host`, which gives out of it what embedders use; the rest changes
//! without notice.

// Compiled code is mapped by its descriptor, and a compiler's memory is bounded, as Linux
// does both. Elsewhere nothing of it was tried, and would fail without a word.
#[cfg(not(target_os = "linux"))]
compile_error!("Distri runs on Linux so far (Windows: in WSL 2; macOS: in a container)");

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
pub mod uses;

pub use child::run_for;
pub use process::CompilerProcess;
