//! The host: plugins in, calls through, answers out.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use distri_artifact::items::parse_items;
use distri_artifact::{Artifact, ArtifactStore, Description, PluginInfo};
use distri_call::blocking::blocking;
use distri_call::{
    Error, ErrorKind, ItemKind, Limits, Result, ToolCall, ToolResult, WorkflowCall, WorkflowResult,
};
use distri_engine::cache::Cache;
use distri_engine::code::{Linked, Loader};
use distri_manifest::{Entrypoint, MANIFEST_FILE, Manifest, Policy};

use crate::calls::runner::Runner;
use crate::calls::{callees, instance};
use crate::plugins::plugin::Plugin;
use crate::plugins::registry::Generation;
use crate::store::state::State;

/// Runs plugins. Cheap to clone; clones share everything. Two hosts share
/// nothing but the cache folder.
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) runner: Arc<Runner>,
    pub(crate) policy: Policy,
    /// Where the folders lie that plugins without a workspace of their own are granted.
    workspace: Option<PathBuf>,
    generation: RwLock<Arc<Generation>>,
    /// Whether it notes how often plugins are called.
    pub(crate) noting: AtomicBool,
}

impl Inner {
    /// The plugins as they are now.
    pub(crate) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.generation.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where compiled code is kept, if it is.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.runner.loader.compiler.cache.as_deref()
    }
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
    pub(crate) fn new(runner: Runner, policy: Policy, workspace: Option<PathBuf>) -> Self {
        let (runner, generation) = (Arc::new(runner), RwLock::default());
        let noting = AtomicBool::default();
        Self { inner: Arc::new(Inner { runner, policy, workspace, generation, noting }) }
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
        let max = u64::try_from(self.inner.runner.limits.component_size).unwrap_or(u64::MAX);
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
        let limits = inner.runner.limits.of_package(manifest.package.as_str(), &inner.policy);
        let limits = limits.lowered_by(&manifest.limits);
        let loader = Arc::clone(&self.inner.runner.loader);
        let (linked, digest) = blocking(move || {
            let digest = distri_call::digest::digest(&wasm);
            Ok((loader.load(&wasm, &digest)?, digest))
        })
        .await?;
        let Description { abi, tools, workflows } =
            self.items(&linked, manifest.package.as_str(), &limits).await?;
        let info = PluginInfo {
            package: manifest.package.clone(),
            version: manifest.version.to_string(),
            description: manifest.description.clone(),
            abi,
            digest,
            tools,
            workflows,
        };
        let id = inner.runner.kept.next_plugin();
        let from = (manifest, &inner.policy, inner.workspace.as_deref());
        let plugin = Plugin::with_code(id, info, limits, from, linked);
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
            let id = self.inner.runner.kept.next_plugin();
            Plugin::built(
                id,
                artifact,
                store.clone(),
                &self.inner.runner.limits,
                &self.inner.policy,
            )
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
        #[cfg(feature = "databases")]
        for exposed in self.inner.runner.resources.databases.exposed(self.generation().packages()) {
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
        let (runner, package) = (&self.inner.runner, plugin.package.id);
        plugin.retire(runner.resources.opened(package));
        runner.kept.forget(package);
    }

    pub(crate) fn generation(&self) -> Arc<Generation> {
        self.inner.generation()
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
        self.execute(ItemKind::Tool, package, tool, call).await
    }

    /// Runs a workflow on a fresh instance; see [`Host::execute_tool`].
    pub async fn execute_workflow(
        &self,
        package: &str,
        workflow: &str,
        call: WorkflowCall,
    ) -> Result<WorkflowResult> {
        self.execute(ItemKind::Workflow, package, workflow, call).await
    }

    async fn execute(
        &self,
        kind: ItemKind,
        package: &str,
        item: &str,
        call: ToolCall,
    ) -> Result<ToolResult> {
        let (runner, generation) = (&self.inner.runner, self.generation());
        let (plugin, item) = generation.item(package, kind, item)?;
        let plugin = Arc::clone(plugin);
        let package = Arc::clone(&plugin.package);
        let frame = callees::frame(runner, generation, package, (kind, item), &call);
        runner.root(&frame, &plugin, call.input).await
    }

    /// What is going on: for tests that nothing leaks, and for an operator's eyes.
    pub fn activity(&self) -> Activity {
        let metrics = self.inner.runner.loader.compiler.engine.pooling_allocator_metrics();
        Activity {
            calls: self.inner.runner.active.count(),
            free_permits: self.inner.runner.permits.available_permits(),
            instances: metrics.map_or(0, |metrics| metrics.component_instances()),
            images: self.inner.runner.images.count(),
        }
    }

    /// The engine that plugins run on, for embedders that run components of their
    /// own in the same pool, and for measuring. It yields at its epoch, every
    /// millisecond: a store of your own needs an epoch deadline.
    pub fn engine(&self) -> &wasmtime::Engine {
        &self.inner.runner.loader.compiler.engine
    }

    /// What plugins may have.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    pub(crate) fn loader(&self) -> &Arc<Loader<State>> {
        &self.inner.runner.loader
    }

    /// The bounds on calls, with what the policy sets of them.
    pub fn limits(&self) -> &Limits {
        &self.inner.runner.limits
    }

    /// What some code says it offers.
    pub(crate) async fn items(
        &self,
        linked: &Linked<State>,
        what: &str,
        limits: &Limits,
    ) -> Result<Description> {
        let (tools, workflows) =
            instance::describe(&self.inner.runner.loader, linked, what, limits).await?;
        Ok(Description {
            abi: linked.exports.track().version().to_owned(),
            tools: parse_items(ItemKind::Tool, tools)?,
            workflows: parse_items(ItemKind::Workflow, workflows)?,
        })
    }
}
