//! The errors of calls that need more than they may have.

use std::time::Duration;

use distri_manifest::{ByteSize, Span};

use crate::{Error, ErrorKind, Limits};

/// The error of a call whose time is over.
pub fn timed_out(what: &str, limits: &Limits) -> Error {
    Error::over(
        ErrorKind::Timeout,
        "timeout",
        milliseconds(limits.timeout),
        format!("`{what}` took longer than its {}", Span(limits.timeout)),
    )
    .with_hint(
        "`[limits] timeout` in its manifest, the caller's deadline and the host's limit bound it",
    )
}

/// The error of a call that, with those that called it and that it called, has too
/// much memory.
pub fn chain_out_of_memory(chain: &str, bytes: usize) -> Error {
    Error::over(
        ErrorKind::MemoryLimit,
        "chain_memory",
        bytes,
        format!(
            "{chain}, and what else was called at the same time, needed more than {} of memory \
             together",
            ByteSize(bytes as u64)
        ),
    )
    .with_hint("the host's limits on memory bound it: call fewer at once")
}

/// The error of a call that kept processors busy for too long.
pub fn out_of_cpu(what: &str, limit: Duration) -> Error {
    Error::over(
        ErrorKind::Timeout,
        "cpu",
        milliseconds(limit),
        format!("`{what}` and what it called computed for longer than {}", Span(limit)),
    )
    .with_hint("`[limits] cpu` in its manifest and the host's limit bound it")
}

fn milliseconds(time: Duration) -> usize {
    usize::try_from(time.as_millis()).unwrap_or(usize::MAX)
}
