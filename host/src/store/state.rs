//! What a store holds for its guest: the record of the call, WASI with what the
//! package was granted, the limits. The one place that makes a store's data.

use std::sync::Arc;
use std::time::Instant;

use distri_call::embedder::Embedder;
use distri_call::frame::Frame;
use distri_call::meter::Meter;
use distri_call::places::Open;
use distri_call::redact::Secrets;
use distri_call::refused::Refused;
use distri_call::usage::Usage;
use distri_call::{Capability, Limits, Result, door};
use distri_databases::{SqlCtx, SqlView};
use distri_filesystem::{FilesCtx, FilesView, OpenFiles, open_folders};
use distri_manifest::Access;
use distri_network::waiting::{WaitingCtx, WaitingView, Waits};
use distri_network::{Outgoing, setters};
use distri_tools::{ToolsCtx, ToolsView};
use distri_web::{WebCtx, WebView};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::resources::Resources;
use crate::store::clock::Clock;
use crate::store::frozen::{FixedRandom, Frozen};
use crate::store::limiter::{LimitHit, Limiter};
use crate::store::output::Output;

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
    /// What of the workspace and the environment it was given.
    given: Given,
    /// The files that the guest holds open.
    open_files: OpenFiles,
    /// What the sandbox refused, for a guest that is told no more than a number.
    pub(crate) refused: Refused,
    /// The statements of databases that are under way.
    statements: Open,
    /// The database transactions that the guest holds open.
    transactions: Open,
    /// What the guest waits for and may give up.
    waits: Waits,
    /// Values that earlier calls on a kept instance came by: its guest may remember
    /// them.
    remembered: Secrets,
    /// What it reaches through the host; nothing while it is built or described.
    resources: Option<Arc<Resources>>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    /// What the guest asks of the network.
    pub(crate) outgoing: Outgoing,
    table: ResourceTable,
}

impl State {
    /// The state of a store that serves a call: the environment and the folders
    /// that its package was granted; no arguments.
    ///
    /// # Errors
    ///
    /// When a granted folder cannot be opened.
    pub(crate) fn for_call(frame: Arc<Frame>, resources: &Arc<Resources>) -> Result<Self> {
        let given = Given::to(&frame);
        let wasi = given.open(&frame, resources)?;
        let meter = Meter::new(Arc::clone(&frame.cpu));
        let usage = Arc::clone(&frame.usage);
        let (limits, deadline) = (&frame.limits, frame.deadline);
        let around = Some((frame.embedder(), resources));
        let mut state = Self::new(limits, deadline, (meter, usage), around, (false, wasi));
        state.refused.within(Some(&frame));
        state.frame = Some(frame);
        state.given = given;
        Ok(state)
    }

    /// The state of a store in which something is described, or built: then its clocks
    /// stand still and its chance is the same each time.
    pub(crate) fn for_build(limits: &Limits, deadline: Instant, frozen: bool) -> Self {
        let meter = Meter::building(limits);
        let wasi = WasiCtxBuilder::new();
        Self::new(limits, deadline, (meter, Arc::default()), None, (frozen, wasi))
    }

    fn new(
        limits: &Limits,
        deadline: Instant,
        (meter, usage): (Arc<Meter>, Arc<Usage>),
        around: Option<(&Arc<Embedder>, &Arc<Resources>)>,
        (frozen, mut wasi): (bool, WasiCtxBuilder),
    ) -> Self {
        let (embedder, resources) = around.unzip();
        let output = Output::default();
        wasi.stdout(output.clone()).stderr(output.clone());
        wasi.max_random_size(limits.payload as u64);
        if frozen {
            wasi.wall_clock(Frozen)
                .monotonic_clock(Frozen)
                .secure_random(FixedRandom(0))
                .insecure_random(FixedRandom(0))
                .insecure_random_seed(0);
        } else {
            wasi.wall_clock(Clock::of(embedder.cloned()));
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
            open_files: OpenFiles::new(limits.open_files),
            refused: Refused::default(),
            statements: Open::default(),
            transactions: Open::default(),
            waits: Waits::default(),
            given: Given::default(),
            remembered: Secrets::default(),
            resources: resources.cloned(),
            wasi: wasi.build(),
            http: setters::context(),
            outgoing: Outgoing::over(resources.map(|resources| &resources.network)),
            table,
        }
    }

    /// Begins another call on a kept instance.
    ///
    /// # Errors
    ///
    /// When the calls that it is made by have no room for the instance's memory.
    pub(crate) fn enter(&mut self, frame: Arc<Frame>) -> Result<(), LimitHit> {
        self.deadline = frame.deadline;
        self.meter = Meter::new(Arc::clone(&frame.cpu));
        self.limiter.enter(Arc::clone(&frame.usage))?;
        frame.hidden().extend(&self.remembered);
        self.refused.within(Some(&frame));
        self.frame = Some(frame);
        Ok(())
    }

    /// Whether another call would be given the same: the embedder may have a say for
    /// each caller.
    pub(crate) fn suits(&self, frame: &Frame) -> bool {
        self.given == Given::to(frame)
    }

    /// Whether calls of the host's are under way.
    pub(crate) fn calls_the_host(&self) -> bool {
        self.frame.as_ref().is_some_and(|frame| frame.host_calls.any())
    }

    /// Whether something that the call began is still under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.outgoing.is_busy()
            || self.transactions.any()
            || self.calls_the_host()
            || self.waits.values().any(|wait| !wait.is_closed())
    }

    /// Ends a call on an instance that is kept: nothing of it stays here but what
    /// must not be read in logs.
    pub(crate) fn leave(&mut self) {
        if let Some(frame) = self.frame.take() {
            self.remembered.extend(frame.hidden());
        }
        self.limiter.leave();
        self.outgoing = self.outgoing.another();
        self.waits.clear();
        self.output.clear();
    }
}

/// The variables, and the folders with their access, that a call is given, by their
/// place in its package's request.
#[derive(Default, PartialEq, Eq)]
struct Given {
    variables: Vec<usize>,
    folders: Vec<(usize, Access)>,
}

impl Given {
    fn to(frame: &Frame) -> Self {
        let grant = &frame.package.grant;
        let asked = grant.asked();
        let permitted = |capability| door::permitted(frame, capability).is_ok();
        let variables = asked.env.iter().enumerate();
        let folders = asked.filesystem.iter().enumerate();
        Self {
            variables: variables
                .filter(|(_, name)| permitted(Capability::Env(name.as_str())))
                .map(|(at, _)| at)
                .collect(),
            folders: folders
                .filter_map(|(at, folder)| {
                    let access = grant.folder(folder)?;
                    let (guest, path) = (folder.guest.as_str(), folder.path.as_str());
                    let capability = Capability::Filesystem { guest, path, access };
                    permitted(capability).then_some((at, access))
                })
                .collect(),
        }
    }

    /// WASI with all of it.
    fn open(&self, frame: &Frame, resources: &Resources) -> Result<WasiCtxBuilder> {
        let asked = frame.package.grant.asked();
        let mut wasi = WasiCtxBuilder::new();
        for name in self.variables.iter().filter_map(|at| asked.env.get(*at)) {
            if let Some(value) = frame.embedder().get_variable(name.as_str()) {
                wasi.env(name.as_str(), value);
            }
        }
        let folders = self.folders.iter();
        let folders =
            folders.filter_map(|(at, access)| Some((asked.filesystem.get(*at)?, *access)));
        open_folders(frame, folders, &resources.protected, &mut wasi)?;
        Ok(wasi)
    }
}

impl FilesView for State {
    fn files(&mut self) -> FilesCtx<'_> {
        FilesCtx {
            frame: self.frame.as_ref(),
            open: &mut self.open_files,
            refusals: &self.refused,
            wasi: WasiFilesystemCtxView { ctx: self.wasi.filesystem(), table: &mut self.table },
        }
    }
}

impl SqlView for State {
    fn sql(&mut self) -> SqlCtx<'_> {
        SqlCtx {
            frame: self.frame.as_ref(),
            databases: self.resources.as_ref().map(|resources| &resources.databases),
            statements: &self.statements,
            transactions: &self.transactions,
            table: &mut self.table,
        }
    }
}

impl ToolsView for State {
    fn tools(&mut self) -> ToolsCtx<'_> {
        ToolsCtx { frame: self.frame.as_ref() }
    }
}

impl WebView for State {
    fn web(&mut self) -> WebCtx<'_> {
        WebCtx { table: &mut self.table }
    }
}

impl WaitingView for State {
    fn waiting(&mut self) -> WaitingCtx<'_> {
        WaitingCtx { waits: &mut self.waits, outgoing: &self.outgoing }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.outgoing.within(self.frame.as_ref());
        WasiHttpCtxView { hooks: &mut self.outgoing, table: &mut self.table, ctx: &mut self.http }
    }
}
