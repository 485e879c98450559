//! What a store holds for its guest: the record of the call, an empty WASI, the
//! limits. The one place that makes a store's data, and it grants nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use crate::account::Usage;
use crate::frame::Frame;
use crate::frozen::{Clock, FixedRandom};
use crate::instance::building_meter;
use crate::limiter::Limiter;
use crate::meter::Meter;
use crate::output::Output;
use crate::{HostServices, Limits};

/// The data of every store.
pub(crate) struct State {
    /// The call this store serves; none while a plugin is being built or
    /// described, and while a kept instance waits for its next call.
    pub(crate) frame: Option<Arc<Frame>>,
    /// When the call's time is over.
    pub(crate) deadline: Instant,
    /// The call's time on a processor.
    pub(crate) meter: Arc<Meter>,
    /// What the guest wrote to its standard output and error.
    pub(crate) output: Output,
    pub(crate) limiter: Limiter,
    /// Set while a script's top level runs: clocks then stand still.
    frozen: Arc<AtomicBool>,
    /// The embedder, for its clock.
    services: Option<Arc<dyn HostServices>>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: DenyHttp,
    table: ResourceTable,
}

impl State {
    /// The state of a store that serves a call: no environment, no arguments, no
    /// folders and no network.
    pub(crate) fn for_call(frame: Arc<Frame>, frozen: bool) -> Self {
        let services = Some(frame.host.shared_services());
        let meter = Meter::new(Arc::clone(&frame.cpu));
        let usage = Arc::clone(&frame.usage);
        let (limits, deadline) = (&frame.limits, frame.deadline);
        let mut state = Self::new(limits, deadline, meter, usage, services, frozen);
        state.frame = Some(frame);
        state
    }

    /// The state of a store in which something is built or described.
    pub(crate) fn for_build(limits: &Limits, deadline: Instant, frozen: bool) -> Self {
        Self::new(limits, deadline, building_meter(limits), Arc::default(), None, frozen)
    }

    fn new(
        limits: &Limits,
        deadline: Instant,
        meter: Arc<Meter>,
        usage: Arc<Usage>,
        services: Option<Arc<dyn HostServices>>,
        frozen: bool,
    ) -> Self {
        let output = Output::default();
        let frozen = Arc::new(AtomicBool::new(frozen));
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(output.clone()).stderr(output.clone());
        wasi.wall_clock(Clock::new(&frozen, services.clone()));
        wasi.monotonic_clock(Clock::new(&frozen, None));
        if frozen.load(Ordering::Relaxed) {
            wasi.secure_random(FixedRandom(0))
                .insecure_random(FixedRandom(0))
                .insecure_random_seed(0);
        }
        let mut table = ResourceTable::new();
        // A guest's handles live in the host's memory: bounded like its own.
        table.set_max_capacity(limits.handles);
        Self {
            frame: None,
            deadline,
            meter,
            output,
            limiter: Limiter::new(limits, usage),
            frozen,
            services,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: DenyHttp,
            table,
        }
    }

    /// Begins another call on a kept instance.
    pub(crate) fn enter(&mut self, frame: Arc<Frame>) {
        self.deadline = frame.deadline;
        self.meter = Meter::new(Arc::clone(&frame.cpu));
        self.limiter.enter(Arc::clone(&frame.usage));
        self.frame = Some(frame);
    }

    /// Ends a call on an instance that is kept: nothing of it stays here.
    pub(crate) fn leave(&mut self) {
        self.frame = None;
        self.output.clear();
    }

    /// Ends the time in which a script's top level runs: clocks and randomness
    /// are the host's from now on.
    pub(crate) fn thaw(&mut self) {
        if self.frozen.swap(false, Ordering::Relaxed) {
            let mut fresh = WasiCtxBuilder::new();
            fresh.stdout(self.output.clone()).stderr(self.output.clone());
            fresh.wall_clock(Clock::new(&self.frozen, self.services.clone()));
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
