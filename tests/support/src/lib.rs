//! What tests share: guests in text and from sources,
//! servers, and workspaces in which the program runs.

#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests: what cannot go on fails, and names say what it is"
)]

pub mod guest;
mod measure;
mod plugins;
pub mod postgres;
mod program;
mod sandbox;
mod server;
mod transcript;

pub use measure::{TICK, Turn, alone, beside_others, growth, open_files, p99, status, threads};
pub use plugins::{built, manifest};
pub use program::{cargo_build, profile, program, repository};
pub use sandbox::{MANIFEST, Run, Sandbox, copy, tool};
pub use server::{Seen, Server};
pub use transcript::Transcript;
