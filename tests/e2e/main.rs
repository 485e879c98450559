//! End to end: packages from source to answer, through the `distri` program and
//! through the host's API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod authors;
mod builds;
mod calls;
mod databases;
mod docs;
mod embedding;
mod failures;
mod fetch;
mod operator;
mod platform;
mod postgres;
#[expect(dead_code, reason = "the adversarial tests use all of it")]
#[path = "../adversarial/server.rs"]
mod server;
mod support;
#[path = "../adversarial/transcript.rs"]
mod transcript;
mod workspace_doors;
