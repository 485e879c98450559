//! What a store holds for its guest: the record of the call, an empty WASI, the
//! limits. The one place that makes a store's data, and it grants nothing.

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
};
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::frame::Frame;
use crate::{Error, ErrorKind, Limits};

/// Bytes of a guest's standard output and error that are kept, for its log and
/// for the message of a trap.
const OUTPUT_CAP: usize = 16 << 10;

/// The data of every store.
pub(crate) struct State {
    /// The call this store serves; none while a plugin is being built or described.
    pub(crate) frame: Option<Arc<Frame>>,
    /// What the guest wrote to its standard output and error.
    pub(crate) output: Output,
    pub(crate) limiter: Limiter,
    /// Set while a script's top level runs: clocks then stand still.
    frozen: Arc<AtomicBool>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: DenyHttp,
    table: ResourceTable,
}

impl State {
    /// A state with no environment, no arguments, no folders and no network.
    pub(crate) fn new(frame: Option<Arc<Frame>>, limits: &Limits, frozen: bool) -> Self {
        let output = Output::default();
        let frozen = Arc::new(AtomicBool::new(frozen));
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(output.clone()).stderr(output.clone());
        wasi.wall_clock(Clock::new(&frozen)).monotonic_clock(Clock::new(&frozen));
        if frozen.load(Ordering::Relaxed) {
            wasi.secure_random(FixedRandom(0))
                .insecure_random(FixedRandom(0))
                .insecure_random_seed(0);
        }
        let mut table = ResourceTable::new();
        // A guest's handles live in the host's memory: bounded like its own.
        table.set_max_capacity(10_000);
        Self {
            frame,
            output,
            limiter: Limiter {
                memory: 0,
                limits: (limits.memory, limits.table_elements),
                tables: 0,
            },
            frozen,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: DenyHttp,
            table,
        }
    }

    /// Ends the time in which a script's top level runs: clocks and randomness
    /// are the host's from now on.
    pub(crate) fn thaw(&mut self) {
        if self.frozen.swap(false, Ordering::Relaxed) {
            let mut fresh = WasiCtxBuilder::new();
            fresh.stdout(self.output.clone()).stderr(self.output.clone());
            self.wasi = fresh.build();
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Refuses every outgoing request.
struct DenyHttp;

type SentRequest = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
);

impl WasiHttpHooks for DenyHttp {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<SentRequest, wasmtime_wasi_http::Error>> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

/// The host's clocks, or, while frozen, one fixed moment, so that two builds of
/// the same script are the same bytes.
struct Clock {
    frozen: Arc<AtomicBool>,
    wall: wasmtime_wasi::clocks::WallClock,
    monotonic: wasmtime_wasi::clocks::MonotonicClock,
}

impl Clock {
    fn new(frozen: &Arc<AtomicBool>) -> Self {
        Self {
            frozen: Arc::clone(frozen),
            wall: wasmtime_wasi::clocks::WallClock,
            monotonic: wasmtime_wasi::clocks::MonotonicClock::default(),
        }
    }
}

/// 2026-01-01T00:00:00Z: what a module's top level sees as "now".
const FROZEN_NOW: Duration = Duration::from_hours(490_896);

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        self.wall.resolution()
    }

    fn now(&self) -> Duration {
        if self.frozen.load(Ordering::Relaxed) { FROZEN_NOW } else { self.wall.now() }
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        self.monotonic.resolution()
    }

    fn now(&self) -> u64 {
        if self.frozen.load(Ordering::Relaxed) { 0 } else { self.monotonic.now() }
    }
}

/// The randomness of a build: the same for every build. The engine takes its
/// hash seeds from it; plugins cannot reach it (the prelude refuses).
struct FixedRandom(u64);

impl FixedRandom {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl rand_core::TryRng for FixedRandom {
    type Error = std::convert::Infallible;

    #[expect(clippy::cast_possible_truncation, reason = "the low half is as good as the high one")]
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.next() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
        Ok(())
    }
}

/// Sums all memories and tables of a store. It answers with an error, not with
/// "no", so that a guest cannot catch it and go on.
pub(crate) struct Limiter {
    memory: usize,
    tables: usize,
    /// Bytes and elements.
    limits: (usize, usize),
}

/// The marker of a limit in a wasmtime error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LimitHit {
    #[error("memory limit of {0} bytes")]
    Memory(usize),
    #[error("limit of {0} table elements")]
    Tables(usize),
    #[error("deadline")]
    Deadline,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.limits.0 {
            return Err(LimitHit::Memory(self.limits.0).into());
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.tables.saturating_add(desired.saturating_sub(current));
        if total > self.limits.1 {
            return Err(LimitHit::Tables(self.limits.1).into());
        }
        self.tables = total;
        Ok(true)
    }
}

/// What a running guest does at every tick: stop when its time is over, else
/// let others run.
pub(crate) fn at_tick(
    deadline: std::time::Instant,
) -> impl FnMut(StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    move |_| {
        if std::time::Instant::now() >= deadline {
            Err(LimitHit::Deadline.into())
        } else {
            Ok(UpdateDeadline::Yield(1))
        }
    }
}

/// The first bytes that a guest writes to its standard output and error. The
/// rest is counted and thrown away.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    dropped: u64,
}

impl Output {
    fn write(&self, bytes: &[u8]) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = OUTPUT_CAP.saturating_sub(written.bytes.len()).min(bytes.len());
        let (kept, dropped) = bytes.split_at(room);
        written.bytes.extend_from_slice(kept);
        written.dropped += dropped.len() as u64;
    }

    /// The text so far, with a marker where it was cut.
    pub(crate) fn text(&self) -> String {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from_utf8_lossy(&written.bytes).trim_end().to_owned();
        if written.dropped > 0 {
            let _ = write!(text, "\n… {} bytes cut", written.dropped);
        }
        text
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        Output::write(self, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(OUTPUT_CAP)
    }
}

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
