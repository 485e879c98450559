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
#[expect(dead_code, reason = "the adversarial tests use all of it")]
#[path = "../adversarial/guest.rs"]
mod guest;
mod language;
mod operator;
mod operator_hints;
mod output;
mod places;
mod platform;
mod postgres;
mod schemas;
#[expect(dead_code, reason = "the adversarial tests use all of it")]
#[path = "../adversarial/server.rs"]
mod server;
mod shown;
mod sources;
mod support;
mod top_level;
#[path = "../adversarial/transcript.rs"]
mod transcript;
mod words;
mod workspace_doors;
