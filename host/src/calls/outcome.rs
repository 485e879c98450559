//! What a wasmtime error really was: a limit, a trap, a fault; and what a panic was.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::Poll;

use distri_call::overrun::{chain_out_of_memory, out_of_cpu, timed_out};
use distri_call::{Error, ErrorKind, Limits};
use distri_engine::engine::MEMORIES;
use distri_manifest::ByteSize;

use crate::store::limiter::LimitHit;
use crate::store::output::Output;

/// What wasmtime's own bounds say. It keeps the types of these errors to itself
/// (48.0), so that their texts are all there is; a test for each holds them here.
const HANDLES: [&str; 3] = [
    "cannot allocate another handle: store handle limit exceeded",
    "cannot lend resource: store handle limit exceeded",
    "resource table has no free keys",
];
const MEMORY_COUNT: &str = "resource limit exceeded: memory count too high";
const HOST_CALL_BYTES: &str = "too much data is being copied";

/// Names what a wasmtime error really was. `what` is the plugin's item.
pub(crate) fn classify(
    error: wasmtime::Error,
    what: &str,
    limits: &Limits,
    output: &Output,
) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(own) => return own,
        Err(error) => error,
    };
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return match *hit {
            LimitHit::Deadline => timed_out(what, limits),
            LimitHit::Cpu(limit) => out_of_cpu(what, limit),
            LimitHit::Memory(bytes) => Error::over(
                ErrorKind::MemoryLimit,
                "memory",
                bytes,
                format!("`{what}` needed more than its {} of memory", ByteSize(bytes as u64)),
            )
            .with_hint("`[limits] memory` in its manifest and the host's limit bound it"),
            LimitHit::ChainMemory(bytes) => chain_out_of_memory(&format!("`{what}`"), bytes),
            LimitHit::TableElements(elements) => Error::over(
                ErrorKind::ResourceLimit,
                "table_elements",
                elements,
                format!("`{what}` needed more than {elements} table elements"),
            ),
        };
    }
    let trap = error.downcast_ref::<wasmtime::Trap>().copied();
    let root = error.root_cause().to_string();
    if trap == Some(wasmtime::Trap::StackOverflow) {
        return Error::new(ErrorKind::StackOverflow, format!("`{what}` recursed too deeply"))
            .with_source(error.into_boxed_dyn_error());
    }
    if trap == Some(wasmtime::Trap::NoAsyncResult) {
        return Error::new(
            ErrorKind::Trap,
            format!("`{what}` never answers: it waits for something that never comes"),
        )
        .with_hint(
            "nothing is under way that could end its waiting: a promise that it awaits is never \
             resolved or rejected, as when nobody calls the callback, or when the callback threw: \
             the log has what nobody caught",
        )
        .with_source(error.into_boxed_dyn_error());
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return Error::new(
            ErrorKind::ResourceLimit,
            format!("there is no room for another instance, for `{what}`: {root}"),
        );
    }
    if root.starts_with(MEMORY_COUNT) {
        return Error::over(
            ErrorKind::ResourceLimit,
            "memories",
            MEMORIES,
            format!("`{what}` needed more than {MEMORIES} memories"),
        );
    }
    if root.starts_with(HOST_CALL_BYTES) {
        return Error::over(
            ErrorKind::PayloadTooLarge,
            "payload",
            limits.payload,
            format!("`{what}` passed more than {} in one call", ByteSize(limits.payload as u64)),
        )
        .with_hint(distri_call::json::PAYLOAD_HINT);
    }
    if HANDLES.iter().any(|text| root.starts_with(text)) {
        return Error::over(
            ErrorKind::ResourceLimit,
            "handles",
            limits.handles,
            format!("`{what}` held more than {} handles", limits.handles),
        );
    }
    if matches!(trap, Some(wasmtime::Trap::NoAsyncResult | wasmtime::Trap::AsyncDeadlock)) {
        return Error::new(
            ErrorKind::Trap,
            format!("`{what}` gave no answer: it waits for something that never comes"),
        )
        .with_hint("a promise that nothing resolves, or an answer that was not awaited")
        .with_source(error.into_boxed_dyn_error());
    }
    let said = output.text();
    let why = if said.is_empty() { root } else { said };
    Error::new(ErrorKind::Trap, format!("`{what}` trapped: {why}"))
        .with_source(error.into_boxed_dyn_error())
}

/// Runs a future; when it panics, what it said, and whatever it held is dropped.
pub(crate) async fn unpanicking<T>(work: Pin<Box<impl Future<Output = T>>>) -> Result<T, String> {
    let mut work = Some(work);
    std::future::poll_fn(|cx| {
        let Some(running) = &mut work else { return Poll::Pending };
        // What the future holds is not seen again once it panicked.
        let poll = std::panic::catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)));
        poll.map_or_else(
            |panic| {
                work = None;
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                Poll::Ready(Err(format!("a panic: {}", text.unwrap_or("of no text"))))
            },
            |poll| poll.map(Ok),
        )
    })
    .await
}
