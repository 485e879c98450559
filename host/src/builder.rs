//! What an embedder chooses before there is a host.

use std::path::PathBuf;
use std::sync::Arc;

use distri_artifact::key::CacheFolder;
use distri_call::embedder::Embedder;
use distri_call::places::Open;
use distri_call::{HostServices, Limits, Result};
use distri_databases::Databases;
use distri_engine::CompilerProcess;
use distri_engine::cache::Cache;
use distri_engine::code::Loader;
use distri_engine::compiler::Compiler;
use distri_engine::engine::engine;
use distri_engine::functions::FunctionCache;
use distri_engine::images::Images;
use distri_filesystem::{OwnFolders, Protected};
use distri_manifest::Policy;
use distri_network::Network;
#[cfg(feature = "network")]
use distri_network::Resolver;
use tokio::sync::Semaphore;

use crate::Host;
use crate::calls::kept::Kept;
use crate::calls::runner::Runner;
use crate::imports::linker;
use crate::resources::Resources;

/// Makes a [`Host`]. Every setting has a default.
#[derive(Default)]
#[must_use]
pub struct HostBuilder {
    limits: Limits,
    policy: Option<Policy>,
    workspace: Option<PathBuf>,
    services: Option<Arc<dyn HostServices>>,
    cache: Option<CacheFolder>,
    without_cache: bool,
    cache_size: Option<u64>,
    compiler: Option<CompilerProcess>,
    #[cfg(feature = "network")]
    resolver: Option<Arc<dyn Resolver>>,
    #[cfg(feature = "network")]
    roots: Vec<Vec<u8>>,
    unchecked: bool,
}

impl Host {
    /// Begins a host.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// The whole work of a [`CompilerProcess`]: reads a request from standard
    /// input, compiles into the cache it names, and returns the exit code. It
    /// ends by itself when the host that started it is gone and its time is over.
    pub fn serve_compilation() -> u8 {
        distri_engine::service::serve()
    }
}

impl HostBuilder {
    /// Bounds on calls; [`Limits::default`] otherwise. What the policy sets of them
    /// stands in their place.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What plugins may have of what they ask for; it is about one workspace.
    /// Otherwise the tools, agents and folders of their workspace, and no network,
    /// secrets, environment or databases.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The root of the folders that plugins are granted, for plugins that are not
    /// loaded from a built workspace, which has a root of its own.
    pub fn workspace(mut self, root: impl Into<PathBuf>) -> Self {
        self.workspace = Some(root.into());
        self
    }

    /// What plugins get from the embedder: agents, sessions, secrets, a log. What
    /// `()` has otherwise: sessions in memory and no agents.
    pub fn services(mut self, services: impl HostServices) -> Self {
        self.services = Some(Arc::new(services));
        self
    }

    /// The folder for compiled code; `distri/compiled` in the user's cache folder
    /// otherwise. It is made with the mode 0700; one that belongs to another user, that
    /// others may write, or that is a link is refused.
    pub fn cache_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(CacheFolder::At(folder.into()));
        self.without_cache = false;
        self
    }

    /// Bytes of compiled code that the cache folder may hold; what was used longest
    /// ago goes first. 1 GiB otherwise: more than a thousand TypeScript plugins' or
    /// thousands of Rust's.
    pub fn cache_size(mut self, bytes: u64) -> Self {
        self.cache_size = Some(bytes);
        self
    }

    /// Compiles in a process of its own, which is killed when it takes longer
    /// than [`Limits::compile_time`]. Without it, or without a cache folder,
    /// components are compiled in this process.
    pub fn compiler(mut self, compiler: CompilerProcess) -> Self {
        self.compiler = Some(compiler);
        self
    }

    /// How the hosts that plugins send requests to are found; the machine's own
    /// way otherwise. What it finds is checked like any other address.
    ///
    /// ```
    /// # use std::net::IpAddr;
    /// let fixed = |_: &str| Ok(vec![IpAddr::from([127, 0, 0, 1])]);
    /// let host = distri_host::Host::builder().resolver(fixed);
    /// ```
    #[cfg(feature = "network")]
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Some(Arc::new(resolver));
        self
    }

    /// A certificate, in DER, that servers may be certified by, besides those that
    /// Mozilla believes. May be called several times.
    #[cfg(feature = "network")]
    pub fn root_certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.roots.push(der.into());
        self
    }

    /// Whether inputs are held against their item's `parameters` before its plugin runs,
    /// and answers against its `returns`; they are otherwise. An embedder that has
    /// checked them itself may spare the time.
    pub fn check_inputs(mut self, check: bool) -> Self {
        self.unchecked = !check;
        self
    }

    /// Keeps no compiled code.
    pub fn without_cache(mut self) -> Self {
        self.without_cache = true;
        self
    }

    /// Makes the host.
    ///
    /// # Errors
    ///
    /// `internal` when the machine refuses the engine's address space or the
    /// cache folder cannot be made or is not this user's alone; `invalid-input` for a
    /// root certificate that is none.
    pub fn build(self) -> Result<Host> {
        let policy = self.policy.unwrap_or_else(Policy::open_workspace);
        let limits = self.limits.with(&policy.limits);
        let roomy = limits.with_room_for(&policy);
        let place = self.cache.unwrap_or_default();
        let cache = if self.without_cache {
            None
        } else {
            Some(Arc::new(Cache::open(&place, self.cache_size)?))
        };
        let own_folders = OwnFolders::new(cache.as_ref().map(|cache| cache.folder()));
        let functions = cache.clone().map(|cache| Arc::new(FunctionCache::new(cache)));
        let engine = engine(&roomy, functions.clone())?;
        let linker = linker::linking(&engine)?;
        let compiler = Compiler {
            engine,
            cache,
            functions,
            process: self.compiler,
            limits: roomy,
            skeletons: <_>::default(),
        };
        let loader = Loader { compiler, linker };
        // By what it is now: what a package may write to has no links in it either.
        let policy_file = policy.file.as_ref().and_then(|file| file.canonicalize().ok());
        #[cfg(feature = "network")]
        let network = Network::new(self.resolver, self.roots)?;
        #[cfg(not(feature = "network"))]
        let network = Network::default();
        #[cfg(feature = "databases")]
        let databases = Databases::new(&policy, &limits);
        #[cfg(not(feature = "databases"))]
        let databases = Databases::default();
        let resources = Resources {
            protected: Protected { own_folders, policy: policy_file },
            network: Arc::new(network),
            databases: Arc::new(databases),
        };
        let runner = Runner {
            loader: Arc::new(loader),
            embedder: Embedder::new(self.services, &limits),
            resources: Arc::new(resources),
            permits: Semaphore::new(limits.concurrent_calls.min(Semaphore::MAX_PERMITS)),
            kept: Kept::new(limits.kept_instances, limits.kept_bytes()),
            images: Images::new(limits.loaded_images),
            limits,
            check_inputs: !self.unchecked,
            active: Open::default(),
        };
        Ok(Host::new(runner, policy, self.workspace))
    }
}
