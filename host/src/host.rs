//! The host: plugins in, calls through, answers out.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use distri_manifest::{Entrypoint, MANIFEST_FILE, Manifest};
use tokio::sync::Semaphore;

use crate::cache::Cache;
use crate::code::{self, Code, Loader, Start};
use crate::engine::{engine, internal};
use crate::frame::Frame;
use crate::functions::FunctionCache;
use crate::instance;
use crate::plugin::{Plugin, blocking, parse_items};
use crate::registry::Generation;
use crate::{
    Artifact, ArtifactStore, Error, ErrorKind, HostServices, InMemorySessions, ItemInfo, ItemKind,
    Limits, PluginInfo, Result, ToolCall, ToolResult, WorkflowCall, WorkflowResult, json,
};

/// Runs plugins. Cheap to clone; clones share everything. Two hosts share
/// nothing but the cache folder.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    loader: Arc<Loader>,
    services: Arc<dyn HostServices>,
    limits: Limits,
    generation: RwLock<Arc<Generation>>,
    permits: Semaphore,
    active: AtomicUsize,
}

/// Where compiled code is kept.
#[derive(Debug, Clone, Default)]
enum CacheFolder {
    #[default]
    OfUser,
    At(PathBuf),
    Nowhere,
}

/// Makes a [`Host`]. Every setting has a default.
#[derive(Default)]
#[must_use]
pub struct HostBuilder {
    limits: Limits,
    services: Option<Arc<dyn HostServices>>,
    cache: CacheFolder,
}

impl HostBuilder {
    /// Bounds on calls; [`Limits::default`] otherwise.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What plugins get from the embedder: agents, sessions, a log. Sessions in
    /// memory and no agents otherwise.
    pub fn services(mut self, services: impl HostServices) -> Self {
        self.services = Some(Arc::new(services));
        self
    }

    /// The folder for compiled code; `distri` in the user's cache folder otherwise.
    pub fn cache_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = CacheFolder::At(folder.into());
        self
    }

    /// Keeps no compiled code.
    pub fn without_cache(mut self) -> Self {
        self.cache = CacheFolder::Nowhere;
        self
    }

    /// Makes the host.
    ///
    /// # Errors
    ///
    /// `internal` when the machine refuses the engine's address space or the
    /// cache folder cannot be made.
    pub fn build(self) -> Result<Host> {
        let folder = match self.cache {
            CacheFolder::At(folder) => Some(folder),
            CacheFolder::OfUser => {
                use etcetera::BaseStrategy as _;
                let strategy = etcetera::choose_base_strategy().map_err(internal)?;
                Some(strategy.cache_dir().join("distri").join("compiled"))
            }
            CacheFolder::Nowhere => None,
        };
        let cache = folder.map(|folder| {
            Cache::open(&folder).map(Arc::new).map_err(|error| {
                Error::new(
                    ErrorKind::Internal,
                    format!("cannot use the cache folder `{}`: {error}", folder.display()),
                )
                .with_hint("name another one, or run without a cache")
            })
        });
        let cache = cache.transpose()?;
        let functions = cache.clone().map(|cache| Arc::new(FunctionCache::new(cache)));
        let engine = engine(&self.limits, functions.clone())?;
        let linker = code::linker(&engine)?;
        let initialising = code::initialising(&linker)?;
        let loader =
            Loader { engine, linker, initialising, cache, functions, limits: self.limits.clone() };
        Ok(Host {
            inner: Arc::new(Inner {
                loader: Arc::new(loader),
                services: self.services.unwrap_or_else(|| Arc::new(InMemorySessions::default())),
                permits: Semaphore::new(self.limits.concurrent_calls),
                limits: self.limits,
                generation: RwLock::default(),
                active: AtomicUsize::new(0),
            }),
        })
    }
}

/// What a host is doing at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Activity {
    /// Calls under way, nested ones included.
    pub calls: usize,
    /// Root calls that could begin at once.
    pub free_permits: usize,
    /// Component instances alive.
    pub instances: u64,
}

impl Host {
    /// Begins a host.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// Loads a package: what `distri build` recorded for this folder, or else
    /// the component that its manifest's `wasm` entry point names; or a `.wasm`
    /// file itself, as a package named after the file. A plugin of the same
    /// name is replaced; calls under way finish on the old one.
    ///
    /// Returns the package's name.
    ///
    /// # Errors
    ///
    /// `not-found` for a folder that was not built; `invalid-input` for a bad
    /// manifest; `invalid-component` for bytes that are not a plugin.
    pub async fn load_plugin(&self, path: &Path) -> Result<String> {
        if path.is_file() {
            return self.load_file(path).await;
        }
        let manifest = Manifest::load(&path.join(MANIFEST_FILE)).map_err(|error| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("bad manifest in `{}`: {error}", path.display()),
            )
            .with_source(error)
        })?;
        if let Some(store) = ArtifactStore::above(path) {
            let mut catalog = store.catalog()?;
            if let Some(artifact) = catalog.packages.remove(&manifest.package) {
                let name = artifact.package.to_string();
                self.load_artifact(artifact, &store);
                return Ok(name);
            }
        }
        match &manifest.entrypoint {
            Some(Entrypoint::Wasm(wasm)) if path.join(wasm).is_file() => {
                let bytes = read(&path.join(wasm))?;
                self.load_component(&manifest, bytes).await
            }
            _ => Err(Error::new(
                ErrorKind::NotFound,
                format!("`{}` was not built", manifest.package),
            )
            .with_hint("run `distri build`: the host runs components, not sources")),
        }
    }

    async fn load_file(&self, path: &Path) -> Result<String> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let text = format!(
            "package = \"{stem}\"\nversion = \"0.0.0\"\n[entrypoints]\nwasm = \"component.wasm\"\n"
        );
        let manifest: Manifest = text.parse().map_err(|_| {
            Error::new(ErrorKind::InvalidInput, format!("`{stem}` cannot be a package's name"))
                .with_hint("rename the file, or load a folder with a `distri.toml`")
        })?;
        self.load_component(&manifest, read(path)?).await
    }

    /// Loads a component under a manifest. It is compiled now, and asked what
    /// it offers with no grants at all.
    pub async fn load_component(&self, manifest: &Manifest, wasm: Vec<u8>) -> Result<String> {
        let limits = self.inner.limits.lowered_by(&manifest.limits);
        let loader = Arc::clone(&self.inner.loader);
        let (linked, digest) = blocking(move || {
            let digest = crate::cache::digest(&wasm);
            let component = loader.component(&wasm, &digest)?;
            Ok((loader.link(&component)?, digest))
        })
        .await?;
        let start = Start::Image(Arc::new(linked));
        let (tools, workflows) = self.items(&start, manifest.package.as_str(), &limits).await?;
        let info = PluginInfo {
            package: manifest.package.clone(),
            version: manifest.version.to_string(),
            description: manifest.description.clone(),
            digest,
            tools,
            workflows,
        };
        self.register(Plugin::with_code(info, limits, Code::new(start)));
        Ok(manifest.package.to_string())
    }

    /// Loads what a build recorded. Nothing is read until the first call.
    pub fn load_artifact(&self, artifact: Artifact, store: &ArtifactStore) {
        self.register(Plugin::built(artifact, store.clone(), &self.inner.limits));
    }

    /// Forgets a plugin. Calls under way finish on it.
    pub fn unload_plugin(&self, package: &str) -> Result<()> {
        let mut generation = self.inner.generation.write().unwrap_or_else(PoisonError::into_inner);
        generation.plugin(package)?;
        *generation = Arc::new(generation.without(package));
        Ok(())
    }

    fn register(&self, plugin: Plugin) {
        let mut generation = self.inner.generation.write().unwrap_or_else(PoisonError::into_inner);
        *generation = Arc::new(generation.with(Arc::new(plugin)));
    }

    fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.inner.generation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a loaded plugin offers.
    pub fn plugin_info(&self, package: &str) -> Result<PluginInfo> {
        Ok(self.generation().plugin(package)?.info.clone())
    }

    /// The names of all loaded plugins, sorted.
    pub fn loaded_plugins(&self) -> Vec<String> {
        self.generation().plugins().map(|plugin| plugin.info.package.to_string()).collect()
    }

    /// Finds what a reference (`package/item`, `package::item`, or a bare name
    /// that only one package has) means: package and item.
    pub fn resolve(&self, reference: &str, kind: ItemKind) -> Result<(String, String)> {
        let generation = self.generation();
        let (plugin, item) = generation.resolve(reference, kind, None)?;
        Ok((plugin.info.package.to_string(), item))
    }

    /// Runs a tool on a fresh instance.
    ///
    /// A tool that answers with an error is `Ok` with [`ToolResult::error`] set;
    /// `Err` is for what kept it from answering. Dropping the future ends the
    /// call and everything it called.
    pub async fn execute_tool(
        &self,
        package: &str,
        tool: &str,
        call: ToolCall,
    ) -> Result<ToolResult> {
        self.execute_root(ItemKind::Tool, package, tool, call).await
    }

    /// Runs a workflow on a fresh instance; see [`Host::execute_tool`].
    pub async fn execute_workflow(
        &self,
        package: &str,
        workflow: &str,
        call: WorkflowCall,
    ) -> Result<WorkflowResult> {
        self.execute_root(ItemKind::Workflow, package, workflow, call).await
    }

    /// What is going on: for tests that nothing leaks, and for an operator's eyes.
    pub fn activity(&self) -> Activity {
        let metrics = self.inner.loader.engine.pooling_allocator_metrics();
        Activity {
            calls: self.inner.active.load(Ordering::Relaxed),
            free_permits: self.inner.permits.available_permits(),
            instances: metrics.map_or(0, |metrics| metrics.component_instances()),
        }
    }

    pub(crate) fn services(&self) -> &dyn HostServices {
        &*self.inner.services
    }

    pub(crate) fn loader(&self) -> &Arc<Loader> {
        &self.inner.loader
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    async fn execute_root(
        &self,
        kind: ItemKind,
        package: &str,
        item: &str,
        call: ToolCall,
    ) -> Result<ToolResult> {
        let generation = self.generation();
        let plugin = Arc::clone(generation.item(package, kind, item)?);
        let frame = Frame::root(self, generation, plugin, (kind, item), &call);
        json::check(&call.input, &format!("the input of `{}`", frame.name()), &frame.limits)?;
        if !frame.context.params.is_empty() {
            json::check(&frame.context.params, "the context's `params`", &frame.limits)?;
        }
        let permit =
            tokio::time::timeout_at(frame.deadline.into(), self.inner.permits.acquire()).await;
        let _permit = permit
            .map_err(|_| {
                Error::new(
                    ErrorKind::Limit,
                    format!("{} calls are running already", self.inner.limits.concurrent_calls),
                )
            })?
            .map_err(internal)?;
        self.execute(&frame, call.input).await
    }

    /// A guest's `callTool`.
    pub(crate) async fn call_from_guest(
        &self,
        caller: &Arc<Frame>,
        name: &str,
        input: String,
    ) -> Result<String> {
        let own = caller.plugin.info.package.as_str();
        let (plugin, item) = caller.generation.resolve(name, ItemKind::Tool, Some(own))?;
        let frame = caller.nested(Arc::clone(plugin), ItemKind::Tool, &item)?;
        json::check(&input, &format!("the input of `{}`", frame.name()), &frame.limits)?;
        let answer = self.execute(&frame, input).await?;
        match answer.error {
            None => Ok(answer.result),
            Some(message) => {
                Err(Error::new(ErrorKind::GuestError, message).with_detail(answer.result))
            }
        }
    }

    async fn execute(&self, frame: &Arc<Frame>, input: String) -> Result<ToolResult> {
        let _active = Active::enter(&self.inner.active);
        let began = Instant::now();
        let result = async {
            let start = frame.plugin.start(&self.inner.loader).await?;
            instance::run(&self.inner.loader, frame, start, input).await
        }
        .await
        .map_err(|error| error.with_chain(|| frame.chain()));
        tracing::debug!(
            plugin = %frame.plugin.info.package,
            item = frame.item,
            call_id = frame.call_id,
            elapsed_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            outcome = match &result {
                Ok(ToolResult { error: None, .. }) => "ok",
                Ok(_) => "guest-error",
                Err(error) => error.kind().as_str(),
            },
            "call"
        );
        result
    }

    /// What some code says it offers.
    pub(crate) async fn items(
        &self,
        start: &Start,
        what: &str,
        limits: &Limits,
    ) -> Result<(Vec<ItemInfo>, Vec<ItemInfo>)> {
        let (tools, workflows) =
            instance::describe(&self.inner.loader, start, what, limits).await?;
        Ok((parse_items(ItemKind::Tool, tools)?, parse_items(ItemKind::Workflow, workflows)?))
    }
}

/// Counts a call for as long as it lives.
struct Active<'a>(&'a AtomicUsize);

impl<'a> Active<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        Error::new(ErrorKind::NotFound, format!("cannot read `{}`: {error}", path.display()))
            .with_source(error)
    })
}
