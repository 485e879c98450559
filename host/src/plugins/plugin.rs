//! A loaded plugin: what it offers, its limits, and its code, which is brought
//! in on the first call.

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use distri_artifact::{Artifact, ArtifactStore, PluginInfo};
use distri_call::blocking::blocking;
use distri_call::grant::Grant;
use distri_call::package::{Package, Places};
use distri_call::{Error, ErrorKind, ItemKind, Limits, Result};
use distri_engine::code::{Linked, Loader};
use distri_engine::images::{Images, Slot};
use distri_manifest::{CapabilityKind, Instances, Manifest, PackageName, Policy};
use tokio::sync::Semaphore;

use crate::plugins::item::{Item, SchemaRoom};
use crate::resources::Opened;
use crate::store::state::State;

/// One loaded plugin.
pub(crate) struct Plugin {
    /// What its calls know of it.
    pub(crate) package: Arc<Package>,
    version: String,
    description: Option<String>,
    /// The version of `distri:plugin` that it conforms to.
    abi: String,
    tools: Box<[Item]>,
    workflows: Box<[Item]>,
    /// How long its instances live.
    pub(crate) instances: Instances,
    /// The packages whose plugins may call it; none for all that were granted it.
    callers: Option<Vec<PackageName>>,
    /// Root calls that may begin now.
    pub(crate) permits: Semaphore,
    /// Where the code is, for one that was built; the component is `package.digest`.
    built: Option<ArtifactStore>,
    code: Arc<Slot<State>>,
    /// Calls since they were noted last, of the plugins before it with this name too.
    pub(crate) calls: Arc<AtomicU64>,
    /// What its compiled schemas take.
    pub(crate) schema_room: SchemaRoom,
    /// Set when it is no longer loaded. Calls under way keep it, and what was opened for
    /// its package with it: the bounds of these are those of all its calls together.
    opened: OnceLock<Opened>,
}

impl Plugin {
    /// A plugin that was built; its code is not touched yet.
    pub(crate) fn built(
        id: u64,
        artifact: Artifact,
        store: ArtifactStore,
        limits: &Limits,
        policy: &Policy,
    ) -> Self {
        let grant = Grant::new(&artifact.package, &artifact.capabilities, policy);
        let limits = limits.of_package(artifact.package.as_str(), policy);
        let info = PluginInfo {
            package: artifact.package,
            version: artifact.version,
            description: artifact.description,
            abi: artifact.abi,
            digest: artifact.component,
            tools: artifact.tools,
            workflows: artifact.workflows,
        };
        let limits = limits.lowered_by(&artifact.limits);
        let folder = artifact.folder;
        let elsewhere = !folder.as_os_str().is_empty() && !folder.starts_with("plugins");
        let places =
            Places { root: Some(store.root().to_owned()), linked: elsewhere.then_some(folder) };
        let package = Package::new(id, info.identity(), limits, grant, places);
        let built = Some(store);
        Self {
            callers: artifact.callers,
            built,
            ..Self::new(info, package, artifact.instances, None)
        }
    }

    /// A plugin whose code is at hand.
    pub(crate) fn with_code(
        id: u64,
        info: PluginInfo,
        limits: Limits,
        (manifest, policy, root): (&Manifest, &Policy, Option<&Path>),
        code: Linked<State>,
    ) -> Self {
        let grant = Grant::new(&manifest.package, &manifest.capabilities, policy);
        let places = Places { root: root.map(Path::to_owned), linked: None };
        let package = Package::new(id, info.identity(), limits, grant, places);
        let instances = manifest.instances.clone();
        Self {
            callers: manifest.callers.clone(),
            ..Self::new(info, package, instances, Some(Arc::new(code)))
        }
    }

    fn new(
        info: PluginInfo,
        package: Arc<Package>,
        instances: Instances,
        code: Option<Arc<Linked<State>>>,
    ) -> Self {
        let calls = package.limits.plugin_calls;
        Self {
            version: info.version,
            description: info.description,
            abi: info.abi,
            tools: info.tools.into_iter().map(Item::from).collect(),
            workflows: info.workflows.into_iter().map(Item::from).collect(),
            package,
            instances,
            callers: None,
            permits: Semaphore::new(calls.min(Semaphore::MAX_PERMITS)),
            built: None,
            code: Arc::new(Slot::new(code)),
            calls: Arc::default(),
            schema_room: SchemaRoom::default(),
            opened: OnceLock::new(),
        }
    }

    /// It was replaced or unloaded: nothing is kept for it from now on, and with its last
    /// call goes what was opened.
    pub(crate) fn retire(&self, opened: Opened) {
        self.package.retire();
        let _ = self.opened.set(opened);
    }

    /// Whether a package's plugins may call it, beside what they were granted.
    ///
    /// # Errors
    ///
    /// `denied` with the line that would let them.
    pub(crate) fn admits(&self, caller: &PackageName, item: &str) -> Result<()> {
        let package = &self.package.name;
        let Some(callers) = &self.callers else { return Ok(()) };
        if caller == package || callers.contains(caller) {
            return Ok(());
        }
        let mut all: Vec<&str> = callers.iter().map(PackageName::as_str).collect();
        all.push(caller.as_str());
        let line = format!("callers = {}", serde_json::json!(all));
        let target = format!("{package}/{item}");
        let detail = serde_json::json!({
            "capability": CapabilityKind::Tools,
            "target": target,
            "package": caller,
            "missing": "caller",
            "add": line,
        });
        let message = format!(
            "`{caller}` may not call the tool `{target}`: `{package}` does not name it among its callers"
        );
        Err(Error::new(ErrorKind::Denied, message)
            .with_hint(format!("write `{line}` at the top of the `distri.toml` of `{package}`"))
            .with_detail(detail.to_string()))
    }

    /// What is instantiated: compiled now, unless it is in the cache.
    pub(crate) async fn code(
        &self,
        loader: &Arc<Loader<State>>,
        images: &Images<State>,
    ) -> Result<Arc<Linked<State>>> {
        images.code(&self.code, async || self.bring(Arc::clone(loader)).await).await
    }

    /// Whether its code is in memory.
    pub(crate) fn is_brought(&self) -> bool {
        self.code.is_brought()
    }

    /// The same before it is called, if there is room. Returns whether it was brought.
    pub(crate) async fn preload(
        &self,
        loader: &Arc<Loader<State>>,
        images: &Images<State>,
    ) -> Result<bool> {
        images.preload(&self.code, async || self.bring(Arc::clone(loader)).await).await
    }

    async fn bring(&self, loader: Arc<Loader<State>>) -> Result<Arc<Linked<State>>> {
        let digest = self.package.digest.clone();
        let Some(store) = self.built.clone() else {
            return Err(Error::new(
                ErrorKind::Internal,
                "the plugin has neither code nor artifact",
            ));
        };
        blocking(move || {
            let image = match loader.compiler.cached(&digest) {
                Some(image) => image,
                None => loader.compiler.component(&store.get(&digest)?, &digest)?,
            };
            Ok(Arc::new(loader.link(&image)?))
        })
        .await
    }

    /// The items of one kind.
    pub(crate) fn items(&self, kind: ItemKind) -> &[Item] {
        match kind {
            ItemKind::Tool => &self.tools,
            ItemKind::Workflow => &self.workflows,
        }
    }

    /// The item of this kind and name, or of this alias.
    pub(crate) fn item(&self, kind: ItemKind, name: &str) -> Option<&Item> {
        let items = self.items(kind);
        items
            .iter()
            .find(|item| item.name.as_str() == name)
            .or_else(|| items.iter().find(|item| item.is_also(name)))
    }

    /// What it says of itself.
    pub(crate) fn info(&self) -> PluginInfo {
        let items = |items: &[Item]| items.iter().map(Item::info).collect();
        PluginInfo {
            package: self.package.name.clone(),
            version: self.version.clone(),
            description: self.description.clone(),
            abi: self.abi.clone(),
            digest: self.package.digest.clone(),
            tools: items(&self.tools),
            workflows: items(&self.workflows),
        }
    }
}
