//! The host: plugins in, calls through, answers out.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use distri_artifact::items::parse_items;
use distri_artifact::{Artifact, ArtifactStore, Description, PluginInfo};
use distri_call::account::Account;
use distri_call::blocking::blocking;
use distri_call::deadline::within;
use distri_call::embedder::Embedder;
use distri_call::error::internal;
use distri_call::frame::{Answer, Callees, Frame, Shared};
use distri_call::overrun::timed_out;
use distri_call::package::Package;
use distri_call::places::Open;
use distri_call::{
    Capability, Error, ErrorKind, ItemKind, Limits, LogLevel, Result, ToolCall, ToolResult,
    WorkflowCall, WorkflowResult, door, json, log,
};
use distri_engine::code::{Code, Loader, Start};
use distri_engine::images::Images;
use distri_manifest::{
    Entrypoint, ItemName, ItemRef, MANIFEST_FILE, Manifest, PackageName, Policy,
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::Instrument as _;

use crate::calls::fitting;
use crate::calls::instance;
use crate::calls::instance::Live;
use crate::calls::kept::Kept;
use crate::calls::outcome::unpanicking;
use crate::plugins::plugin::Plugin;
use crate::plugins::registry::Generation;
use crate::resources::Resources;
use crate::store::state::State;

/// Runs plugins. Cheap to clone; clones share everything. Two hosts share
/// nothing but the cache folder.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) loader: Arc<Loader<State>>,
    pub(crate) embedder: Arc<Embedder>,
    pub(crate) resources: Arc<Resources>,
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    pub(crate) workspace: Option<PathBuf>,
    pub(crate) check_inputs: bool,
    pub(crate) generation: RwLock<Arc<Generation>>,
    pub(crate) permits: Semaphore,
    pub(crate) kept: Arc<Kept>,
    pub(crate) images: Images<State>,
    pub(crate) active: Open,
}

/// What a host is doing at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Activity {
    /// Calls under way, nested ones included.
    pub calls: u32,
    /// Root calls that could begin at once.
    pub free_permits: usize,
    /// Component instances alive.
    pub instances: u64,
    /// Plugins whose compiled code is in memory, of those that a build recorded.
    pub images: usize,
}

impl Host {
    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Loads a package: what `distri build` recorded for this folder, or else
    /// the component that its manifest's `wasm` entry point names; or a `.wasm`
    /// file itself, as a package named after the file. A plugin of the same
    /// name is replaced; calls under way finish on the old one.
    ///
    /// A record is taken where this user's `distri build` made it, in this workspace:
    /// see [`ArtifactStore`].
    ///
    /// Returns the package's name.
    ///
    /// # Errors
    ///
    /// `not-found` for a folder that was not built; `invalid-input` for a bad
    /// manifest; `invalid-component` for bytes that are not a plugin, and for a record
    /// that is not this user's.
    pub async fn load_plugin(&self, path: &Path) -> Result<String> {
        if !path.is_dir() {
            return self.load_file(path).await;
        }
        let manifest = Manifest::load(&path.join(MANIFEST_FILE)).map_err(|error| {
            let why = std::error::Error::source(&error).map_or_else(
                || format!("bad manifest in `{}`: {error}", path.display()),
                |source| format!("{error}: {source}"),
            );
            Error::new(ErrorKind::InvalidInput, why).with_source(error)
        })?;
        if let Some(store) = ArtifactStore::above(path) {
            let mut catalog = store.catalog()?;
            let here = path.canonicalize().ok();
            let artifact = catalog.packages.remove(&manifest.package);
            // Another folder's package may have the name.
            if let Some(artifact) = artifact
                && store.root().join(&artifact.folder).canonicalize().ok() == here
            {
                let name = artifact.package.to_string();
                self.load_artifacts([artifact], &store);
                return Ok(name);
            }
            catalog.proven(manifest.package.as_str())?;
        }
        match &manifest.entrypoint {
            Some(Entrypoint::Wasm(wasm)) if path.join(wasm).exists() => {
                let bytes = self.read(&path.join(wasm))?;
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
        self.load_component(&manifest, self.read(path)?).await
    }

    /// The bytes of a component's file.
    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        let max = u64::try_from(self.inner.limits.component_size).unwrap_or(u64::MAX);
        distri_files::read(path, max).map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::InvalidInput | std::io::ErrorKind::FileTooLarge => {
                    ErrorKind::InvalidComponent
                }
                _ => ErrorKind::NotFound,
            };
            Error::new(kind, format!("cannot read `{}`: {error}", path.display()))
                .with_source(error)
        })
    }

    /// Loads a component under a manifest. It is compiled now, and asked what
    /// it offers with no grants at all.
    pub async fn load_component(&self, manifest: &Manifest, wasm: Vec<u8>) -> Result<String> {
        let inner = &self.inner;
        let limits = inner.limits.of_package(manifest.package.as_str(), &inner.policy);
        let limits = limits.lowered_by(&manifest.limits);
        let loader = Arc::clone(&self.inner.loader);
        let (linked, digest) = blocking(move || {
            let digest = distri_call::digest::digest(&wasm);
            Ok((loader.load(&wasm, &digest)?, digest))
        })
        .await?;
        let start = Start::Image(Arc::new(linked));
        let Description { abi, tools, workflows } =
            self.items(&start, manifest.package.as_str(), &limits).await?;
        let info = PluginInfo {
            package: manifest.package.clone(),
            version: manifest.version.to_string(),
            description: manifest.description.clone(),
            abi,
            digest,
            tools,
            workflows,
        };
        let id = inner.kept.next_plugin();
        let from = (manifest, &inner.policy, inner.workspace.as_deref());
        let plugin = Plugin::with_code(id, info, limits, from, Code::new(start));
        self.register(std::iter::once(plugin));
        Ok(manifest.package.to_string())
    }

    /// Loads what a build recorded, all at once. Nothing is read until a
    /// plugin's first call.
    pub fn load_artifacts(
        &self,
        artifacts: impl IntoIterator<Item = Artifact>,
        store: &ArtifactStore,
    ) {
        self.register(artifacts.into_iter().map(|artifact| {
            let id = self.inner.kept.next_plugin();
            Plugin::built(id, artifact, store.clone(), &self.inner.limits, &self.inner.policy)
        }));
    }

    /// Forgets a plugin. Calls under way finish on it.
    pub fn unload_plugin(&self, package: &str) -> Result<()> {
        let removed = self.change(|generation| generation.remove(package))?;
        self.retire(&removed);
        Ok(())
    }

    fn register(&self, plugins: impl Iterator<Item = Plugin>) {
        for replaced in self.change(|generation| generation.add(plugins)) {
            self.retire(&replaced);
        }
        for exposed in self.inner.resources.databases.exposed(self.generation().packages()) {
            let error = exposed.error();
            tracing::warn!(target: "distri::database", database = exposed.database, "{error}");
        }
    }

    /// Makes a new generation from the current one: calls under way keep theirs.
    fn change<T>(&self, change: impl FnOnce(&mut Generation) -> T) -> T {
        let mut current = self.inner.generation.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Generation::clone(&current);
        let result = change(&mut next);
        *current = Arc::new(next);
        result
    }

    fn retire(&self, plugin: &Plugin) {
        plugin.package.retire();
        self.inner.kept.forget(plugin.package.id);
        self.inner.resources.forget(plugin.package.id);
    }

    fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.inner.generation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a loaded plugin offers.
    pub fn plugin_info(&self, package: &str) -> Result<PluginInfo> {
        Ok(self.generation().plugin(package)?.info())
    }

    /// The names of all loaded plugins, sorted.
    pub fn loaded_plugins(&self) -> Vec<String> {
        self.generation().plugins().map(|plugin| plugin.package.name.to_string()).collect()
    }

    /// Finds what a reference (`package/item`, `package::item`, or a bare name
    /// that only one package has) means: package and item.
    pub fn resolve(&self, reference: &str, kind: ItemKind) -> Result<(String, String)> {
        let generation = self.generation();
        let (plugin, item) = generation.resolve(reference, kind, None)?;
        Ok((plugin.package.name.to_string(), item))
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
        let metrics = self.inner.loader.compilation.engine.pooling_allocator_metrics();
        Activity {
            calls: self.inner.active.count(),
            free_permits: self.inner.permits.available_permits(),
            instances: metrics.map_or(0, |metrics| metrics.component_instances()),
            images: self.inner.images.count(),
        }
    }

    /// The engine that plugins run on, for embedders that run components of their
    /// own in the same pool, and for measuring. It yields at its epoch, every
    /// millisecond: a store of your own needs an epoch deadline.
    pub fn engine(&self) -> &wasmtime::Engine {
        &self.inner.loader.compilation.engine
    }

    /// What plugins may have.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    pub(crate) fn loader(&self) -> &Arc<Loader<State>> {
        &self.inner.loader
    }

    /// The bounds on calls, with what the policy sets of them.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Runs a root call within its caller's task: the guest's memory stays in the
    /// caches of the processor that last ran it. A panic in it is its own.
    async fn execute_root(
        &self,
        kind: ItemKind,
        package: &str,
        item: &str,
        call: ToolCall,
    ) -> Result<ToolResult> {
        let generation = self.generation();
        let (plugin, item) = generation.item(package, kind, item)?;
        let plugin = Arc::clone(plugin);
        let frame = self.frame(generation, Arc::clone(&plugin.package), (kind, item), &call);
        json::check(&call.input, format_args!("the input of `{}`", frame.shown()), &frame.limits)?;
        if !frame.context.params.is_empty() {
            json::check(&frame.context.params, "the context's `params`", &frame.limits)?;
        }
        // Boxed at once: a caller's own future need not hold all of this.
        let work = Box::pin(async {
            let _permits = self.permits(&frame, &plugin).await?;
            self.execute(&frame, &plugin, call.input).await
        });
        unpanicking(work).await.unwrap_or_else(|panic| Err(internal(panic)))
    }

    /// The frame of a call that comes from outside.
    fn frame(
        &self,
        generation: Arc<Generation>,
        package: Arc<Package>,
        item: (ItemKind, String),
        call: &ToolCall,
    ) -> Arc<Frame> {
        let inner = &self.inner;
        let packages = Arc::clone(generation.packages());
        let callees = Box::new(Pinned { host: self.clone(), generation });
        let memory = inner.limits.chain_bytes();
        let shared = Shared::new(Arc::clone(&inner.embedder), callees, packages, memory);
        Frame::root(shared, package, item, call)
    }

    /// Waits for the call's turn: its plugin's first, so that a plugin's waiting
    /// calls hold nothing that others need.
    async fn permits<'a>(
        &'a self,
        frame: &'a Frame,
        plugin: &'a Plugin,
    ) -> Result<[SemaphorePermit<'a>; 2]> {
        let turn = async |permits: &'a Semaphore, limit: &str, max: usize| {
            // Whoever waits already is first: there is none free for others then.
            if let Ok(turn) = permits.try_acquire() {
                return Ok(turn);
            }
            let turn = within(frame.deadline, permits.acquire()).await;
            let busy = |_| {
                Error::over(
                    ErrorKind::Limit,
                    limit,
                    max,
                    format!("`{}` waited in vain: {max} calls are running already", frame.name()),
                )
                .with_hint("call again later, or raise the host's limit")
            };
            turn.map_err(busy)?.map_err(internal)
        };
        // A task that calls and calls yields now and then, for its other timers and tasks.
        tokio::task::coop::consume_budget().await;
        Ok([
            turn(&plugin.permits, "plugin_calls", plugin.package.limits.plugin_calls).await?,
            turn(&self.inner.permits, "concurrent_calls", self.inner.limits.concurrent_calls)
                .await?,
        ])
    }

    async fn execute(
        &self,
        frame: &Arc<Frame>,
        plugin: &Arc<Plugin>,
        input: String,
    ) -> Result<ToolResult> {
        let _active = self.inner.active.enter();
        let account = Account::open(frame);
        let result = self
            .run(frame, plugin, input)
            .instrument(frame.span.clone())
            .await
            .map_err(|error| {
                error.with_chain(|| frame.chain()).map_texts(|text| frame.redact(text).into_owned())
            })
            .map(|answer| without_secrets(frame, answer));
        account.close(&result);
        result
    }

    /// Runs a call on the instance that its package's manifest asks for.
    async fn run(
        &self,
        frame: &Arc<Frame>,
        plugin: &Arc<Plugin>,
        input: String,
    ) -> Result<ToolResult> {
        if frame.deadline <= Instant::now() {
            return Err(timed_out(&frame.name(), &frame.limits));
        }
        frame.package.grant.check_code(&frame.package.digest)?;
        let loader = &self.inner.loader;
        // The embedder's code, and the compiler: neither may outlast the call.
        let prepared = async {
            // First, for no error may show one of them.
            self.bring_secrets(frame).await?;
            if self.inner.check_inputs {
                fitting::input(frame, plugin, &input).await?;
            }
            plugin.start(loader, &self.inner.images).await
        };
        let start = within(frame.deadline, prepared)
            .await
            .unwrap_or_else(|_| Err(timed_out(&frame.name(), &frame.limits)))?;
        let (lease, live) = self.inner.kept.lease(frame, &plugin.instances)?;
        let live = match live {
            Some(live) if live.suits(frame) => *live,
            _ => Live::fresh(loader, &self.inner.resources, frame, &start)?,
        };
        let (result, live) = live.run(frame, start, input).await;
        if let (Some(lease), Some(live)) = (lease, live)
            && let Some(live) = live.settle(plugin.instances.max_calls).await
        {
            lease.give_back(live);
        }
        let answer = result?;
        if self.inner.check_inputs {
            fitting::answer(frame, plugin, &answer).await?;
        }
        Ok(answer)
    }

    /// Asks the embedder for the secrets that the package was granted, to see.
    async fn bring_secrets(&self, frame: &Frame) -> Result<()> {
        let package = &frame.package;
        let visible = package.grant.asked().secrets.iter().filter(|secret| secret.bound.is_none());
        let mut secrets = Vec::new();
        for secret in visible {
            let name = secret.name.as_str();
            // What is denied is recorded, and missing.
            if door::authorise(frame, Capability::Secret(name)).is_err() {
                continue;
            }
            let value = frame.embedder().get_secret(package.name.as_str(), name).await?;
            if let Some(value) = value {
                frame.hidden().add(name, &value);
                secrets.push((name.to_owned(), value));
            }
        }
        let _ = frame.secrets.set(secrets);
        Ok(())
    }

    /// What some code says it offers.
    pub(crate) async fn items(
        &self,
        start: &Start<State>,
        what: &str,
        limits: &Limits,
    ) -> Result<Description> {
        let (tools, workflows) =
            instance::describe(&self.inner.loader, start, what, limits).await?;
        let (Start::Image(linked) | Start::Script(linked, _)) = start;
        Ok(Description {
            abi: linked.exports.track().version().to_owned(),
            tools: parse_items(ItemKind::Tool, tools)?,
            workflows: parse_items(ItemKind::Workflow, workflows)?,
        })
    }
}

/// What a root call may call: the plugins as they were when it began.
struct Pinned {
    host: Host,
    generation: Arc<Generation>,
}

impl Callees for Pinned {
    fn call_tool<'a>(&'a self, caller: &'a Arc<Frame>, name: &'a str, input: String) -> Answer<'a> {
        Box::pin(self.call(caller, name, input))
    }
}

impl Pinned {
    /// A guest's `callTool`.
    async fn call(&self, caller: &Arc<Frame>, name: &str, input: String) -> Result<String> {
        let reference = ItemRef::parse(name);
        if let Some(package) = &reference.package
            && !caller.package.grant.knows(package)
            && let Ok(package) = PackageName::new(package)
            && let Ok(tool) = ItemName::new(&reference.item)
        {
            // Whether it is there is nothing that the caller learns.
            let target = format!("{package}/{tool}");
            door::authorise(caller, Capability::Tool(&target)).map_err(|error| {
                self.tell_of_absent(caller, &target);
                // The same whether it is there or not: the caller does not learn which.
                let hint = error.hint().unwrap_or_default();
                let hint = format!("if there is such a tool, {hint}; the host's log says whether");
                error.with_hint(hint)
            })?;
        }
        let (plugin, item) =
            self.generation.resolve(name, ItemKind::Tool, Some(&caller.package))?;
        let target = format!("{}/{item}", plugin.package.name);
        door::authorise_if(caller, Capability::Tool(&target), || {
            plugin.admits(&caller.package.name, &item)
        })?;
        let frame = caller.nested(Arc::clone(&plugin.package), ItemKind::Tool, item)?;
        json::check(&input, format_args!("the input of `{}`", frame.shown()), &frame.limits)?;
        let answer = self.host.execute(&frame, plugin, input).await?;
        match answer.error {
            None => Ok(answer.result),
            Some(message) => {
                let detail = told_by(&frame.name(), answer.result);
                Err(Error::new(ErrorKind::GuestError, message).with_detail(detail))
            }
        }
    }

    /// Tells the operator, in the plugin's log, that what a plugin may not call is not
    /// there at all.
    fn tell_of_absent(&self, caller: &Frame, target: &str) {
        let found = self.generation.resolve(target, ItemKind::Tool, None);
        if let Err(error) = found {
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            let words = format!("`{target}` cannot be called: {}{hint}", error.message());
            log::log(caller, LogLevel::Warn, &words);
        }
    }
}

/// Bytes of what a guest says of a failure: what is longer nobody reads.
const MAX_ERROR: usize = 16 << 10;

/// An answer whose error gives no secret away, and is not endless.
fn without_secrets(frame: &Frame, answer: ToolResult) -> ToolResult {
    match &answer.error {
        None => answer,
        Some(error) => {
            let mut result = frame.redact(&answer.result).into_owned();
            if serde_json::from_str::<serde::de::IgnoredAny>(&result).is_err() {
                "null".clone_into(&mut result);
            }
            let mut error = frame.redact(error).into_owned();
            if error.len() > MAX_ERROR {
                error.truncate(error.floor_char_boundary(MAX_ERROR));
                error.push('…');
            }
            ToolResult { error: Some(error), result }
        }
    }
}

/// What a tool told of its failure, with whose it is.
fn told_by(item: &str, detail: String) -> String {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&detail) {
        Ok(mut told) => {
            told.insert("item".to_owned(), item.into());
            serde_json::Value::Object(told).to_string()
        }
        Err(_) => detail,
    }
}
