//! What a wasmtime error really was: a limit, a trap, a fault.

use crate::limiter::LimitHit;
use crate::output::Output;
use crate::{Error, ErrorKind, Limits};

/// Names what a wasmtime error really was. `what` is the plugin's item.
pub(crate) fn classify(
    error: wasmtime::Error,
    what: &str,
    limits: &Limits,
    output: &Output,
) -> Error {
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return match hit {
            LimitHit::Deadline => timed_out(what, limits),
            LimitHit::Memory(bytes) => Error::new(
                ErrorKind::MemoryLimit,
                format!(
                    "`{what}` needed more than its {} of memory",
                    distri_manifest::ByteSize(*bytes as u64)
                ),
            )
            .with_hint("`[limits] memory` in its manifest and the host's limit bound it"),
            LimitHit::Tables(elements) => Error::new(
                ErrorKind::ResourceLimit,
                format!("`{what}` needed more than {elements} table elements"),
            ),
        };
    }
    let trap = error.downcast_ref::<wasmtime::Trap>().copied();
    let root = error.root_cause().to_string();
    if trap == Some(wasmtime::Trap::StackOverflow) {
        return Error::new(ErrorKind::StackOverflow, format!("`{what}` recursed too deeply"));
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return Error::new(
            ErrorKind::ResourceLimit,
            format!("there is no room for another instance, for `{what}`: {root}"),
        );
    }
    // wasmtime keeps the type of this error to itself (48.0): its text is all there is.
    if root.starts_with("too much data is being copied") {
        return Error::new(
            ErrorKind::PayloadTooLarge,
            format!("`{what}` passed more than {} bytes in one call", limits.payload),
        );
    }
    let said = output.text();
    let why = if said.is_empty() { root } else { said };
    Error::new(ErrorKind::Trap, format!("`{what}` trapped: {why}"))
        .with_source(error.into_boxed_dyn_error())
}

/// The error of a call whose time is over.
pub(crate) fn timed_out(what: &str, limits: &Limits) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!("`{what}` took longer than its {}", distri_manifest::Span(limits.timeout)),
    )
    .with_hint(
        "`[limits] timeout` in its manifest, the caller's deadline and the host's limit bound it",
    )
}
