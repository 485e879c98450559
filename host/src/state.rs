//! What a store holds for its guest: the record of the call, an empty WASI, the
//! limits. The one place that makes a store's data, and it grants nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::Limits;
use crate::frame::Frame;
use crate::frozen::{Clock, FixedRandom};
use crate::limiter::Limiter;
use crate::output::Output;

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
            limiter: Limiter::new(limits),
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
