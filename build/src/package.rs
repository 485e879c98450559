//! One package from its folder to its artifact.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use distri_host::{Artifact, ArtifactStore, Description, Host, Script};
use distri_manifest::{EngineKind, Entrypoint, MANIFEST_FILE, Manifest};

use crate::component::component;
use crate::{BuildError, Result, inputs, rust, typescript};

/// A package that can be built.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its folder, absolute.
    pub folder: PathBuf,
    /// Its manifest, read from the folder or made up for a folder without one.
    pub manifest: Manifest,
}

/// What a build did.
#[derive(Debug)]
pub struct Built {
    /// The artifact, to be put into the catalog.
    pub artifact: Artifact,
    /// Whether it is the one from before, because nothing changed.
    pub unchanged: bool,
}

/// Hears what a build is doing while that takes long: the package, and what is going
/// on. Nobody hears it by default.
#[derive(Clone, Default)]
pub struct Listener(Option<Arc<dyn Fn(&str, &str) + Send + Sync>>);

impl Listener {
    /// One that does this.
    pub fn new(hear: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    pub(crate) fn hear(&self, package: &str, what: &str) {
        if let Some(hear) = &self.0 {
            hear(package, what);
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}

/// Builds packages of one workspace.
#[derive(Clone)]
pub struct Builder {
    host: Host,
    root: PathBuf,
    store: ArtifactStore,
    listener: Listener,
}

impl Builder {
    /// A builder for the workspace at `root`, an absolute path. The host runs
    /// what must run of a package, and compiles what is built.
    pub fn new(host: Host, root: &Path) -> Self {
        let store = ArtifactStore::of_workspace(root);
        Self { host, root: root.to_owned(), store, listener: Listener::default() }
    }

    /// The same, and this one hears what takes long.
    #[must_use]
    pub fn reporting(self, listener: Listener) -> Self {
        Self { listener, ..self }
    }

    /// Where artifacts go.
    pub fn store(&self) -> &ArtifactStore {
        &self.store
    }

    /// Builds a package, unless `before` is its artifact and nothing changed.
    pub async fn build(&self, package: &Package, before: Option<&Artifact>) -> Result<Built> {
        if let Some(before) = before
            && self.is_current(package, before)?
        {
            return Ok(Built { artifact: before.clone(), unchanged: true });
        }
        let artifact = match &package.manifest.entrypoint {
            Some(Entrypoint::TypeScript(entry)) => self.typescript(package, entry).await?,
            Some(Entrypoint::Wasm(wasm)) => self.wasm(package, wasm).await?,
            None => self.agents_only(package)?,
        };
        Ok(Built { artifact, unchanged: false })
    }

    /// Compiles the artifact's component ahead of its first call. Returns how
    /// long it took; `None` when it was there.
    pub async fn compile(&self, artifact: &Artifact) -> Result<Option<Duration>> {
        if artifact.component.is_empty() || self.host.is_compiled(&artifact.component) {
            return Ok(None);
        }
        let began = Instant::now();
        self.host.compile(self.store.get(&artifact.component)?).await?;
        Ok(Some(began.elapsed()))
    }

    /// Whether the script engine is compiled on this machine.
    pub fn is_typescript_ready(&self) -> Result<bool> {
        let engine = crate::engine::engine()?;
        Ok(self.host.is_compiled(&engine.digest))
    }

    /// Compiles the script engine, which every TypeScript build needs first.
    /// Returns how long it took; `None` when it was there.
    pub async fn prepare_typescript(&self) -> Result<Option<Duration>> {
        let engine = crate::engine::engine()?;
        if self.is_typescript_ready()? {
            return Ok(None);
        }
        let began = Instant::now();
        self.host.compile(engine.whole.to_vec()).await?;
        Ok(Some(began.elapsed()))
    }

    fn is_current(&self, package: &Package, before: &Artifact) -> Result<bool> {
        let builder = fingerprint(&package.manifest)?;
        let kept = before.component.is_empty()
            || self.store.has(&before.component)
                && before.script.as_ref().is_none_or(|script| {
                    [&script.engine, &script.source, &script.source_map]
                        .iter()
                        .all(|digest| self.store.has(digest))
                });
        let described = self.blank(package, &before.language, &builder);
        let same_manifest = Artifact {
            component: before.component.clone(),
            size: before.size,
            script: before.script.clone(),
            abi: before.abi.clone(),
            tools: before.tools.clone(),
            workflows: before.workflows.clone(),
            inputs: before.inputs.clone(),
            ..described
        } == *before;
        Ok(kept && same_manifest && inputs::unchanged(&self.store, &self.root, &before.inputs))
    }

    /// An artifact with everything that the manifest says.
    fn blank(&self, package: &Package, language: &str, builder: &str) -> Artifact {
        let manifest = &package.manifest;
        Artifact {
            package: manifest.package.clone(),
            version: manifest.version.to_string(),
            description: manifest.description.clone(),
            folder: package.folder.strip_prefix(&self.root).unwrap_or(&package.folder).to_owned(),
            language: language.to_owned(),
            abi: String::new(),
            component: String::new(),
            size: 0,
            script: None,
            tools: Vec::new(),
            workflows: Vec::new(),
            capabilities: manifest.capabilities.clone(),
            limits: manifest.limits.clone(),
            instances: manifest.instances.clone(),
            inputs: String::new(),
            builder: builder.to_owned(),
        }
    }

    async fn typescript(&self, package: &Package, entry: &Path) -> Result<Artifact> {
        let manifest = &package.manifest;
        if manifest.build.engine == EngineKind::StarlingMonkey {
            return Err(BuildError::other("the engine `starlingmonkey` needs components of the 0.2 ABI, which this version does not build")
                .with_help("use `engine = \"quickjs\"`, or leave `[build]` out"));
        }
        let what = manifest.package.as_str();
        let output = typescript::build(
            &self.host,
            &self.root,
            &package.folder,
            entry,
            &manifest.imports,
            what,
        )
        .await?;
        let mut files = output.files;
        files.extend(manifest_file(package));
        Ok(Artifact {
            size: output.component.len() as u64,
            component: self.store.put(&output.component)?,
            script: Some(Script {
                engine: self.store.put(&output.engine)?,
                source: self.store.put(output.script.as_bytes())?,
                source_map: self.store.put(output.source_map.as_bytes())?,
            }),
            abi: output.description.abi,
            tools: output.description.tools,
            workflows: output.description.workflows,
            inputs: inputs::record(&self.store, &self.root, files)?,
            ..self.blank(package, "typescript", &fingerprint(manifest)?)
        })
    }

    async fn wasm(&self, package: &Package, wasm: &Path) -> Result<Artifact> {
        let (language, built) = if package.folder.join("Cargo.toml").is_file() {
            let (name, listener) = (package.manifest.package.clone(), self.listener.clone());
            let hear = move |what: &str| listener.hear(name.as_str(), what);
            let target = self.store.folder().join("cargo");
            ("rust", rust::build(&package.folder, &target, hear).await?)
        } else {
            let path = package.folder.join(wasm);
            let bytes = std::fs::read(&path).map_err(|error| {
                BuildError::other(format!("cannot read the component `{}`: {error}", path.display()))
                    .with_help("`[entrypoints] wasm` in the manifest names it, relative to the manifest's folder")
            })?;
            ("component", rust::Output { component: component(bytes)?, files: vec![path] })
        };
        let name = package.manifest.package.as_str();
        let Description { abi, tools, workflows } =
            self.host.describe(built.component.clone(), name).await?;
        let mut files = built.files;
        files.extend(manifest_file(package));
        Ok(Artifact {
            size: built.component.len() as u64,
            component: self.store.put(&built.component)?,
            abi,
            tools,
            workflows,
            inputs: inputs::record(&self.store, &self.root, files)?,
            ..self.blank(package, language, &fingerprint(&package.manifest)?)
        })
    }

    fn agents_only(&self, package: &Package) -> Result<Artifact> {
        Ok(Artifact {
            inputs: inputs::record(&self.store, &self.root, manifest_file(package))?,
            ..self.blank(package, "agents", &fingerprint(&package.manifest)?)
        })
    }
}

/// The package's manifest, where it is a file.
fn manifest_file(package: &Package) -> Option<PathBuf> {
    Some(package.folder.join(MANIFEST_FILE)).filter(|path| path.is_file())
}

/// Whether a source that the artifact was built from was changed or removed
/// since, in the workspace at `root`.
pub fn is_stale(root: &Path, artifact: &Artifact) -> bool {
    !inputs::unchanged(&ArtifactStore::of_workspace(root), root, &artifact.inputs)
}

/// What of this program the build of such a package depends on.
fn fingerprint(manifest: &Manifest) -> Result<String> {
    match manifest.entrypoint {
        Some(Entrypoint::TypeScript(_)) => typescript::fingerprint(),
        _ => Ok(format!("wasm-{}", env!("CARGO_PKG_VERSION"))),
    }
}
