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
mod support;
