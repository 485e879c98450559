//! End to end: packages from source to answer, through the `distri` program and
//! through the host's API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers;
mod authors;
mod builds;
mod calls;
mod docs;
mod embedding;
mod failures;
mod fetch;
mod language;
mod operator;
mod operator_hints;
mod output;
mod places;
mod platform;
mod schemas;
mod shown;
mod sources;
mod top_level;
mod words;
mod workspace_doors;
