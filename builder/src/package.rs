//! One package from its folder to its artifact.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use distri_host::{Artifact, ArtifactStore, Description, Host, Script, Seen};
use distri_manifest::{EngineKind, Entrypoint, MANIFEST_FILE, Manifest};

use crate::component::component;
use crate::{BuildError, BundlerProcess, Result, inputs, rust, typescript};

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
pub struct Listener(Option<Arc<Hear>>);

/// What hears: it is told the package, and what is going on.
type Hear = dyn Fn(&str, &str) + Send + Sync;

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
    bundler: Option<BundlerProcess>,
    /// Files of builds that were looked at.
    seen: Arc<Mutex<Seen>>,
}

impl Builder {
    /// A builder for the workspace of this store. The host runs what must run of a
    /// package, and compiles what is built.
    pub fn new(host: Host, store: ArtifactStore) -> Self {
        let seen = Arc::new(Mutex::new(Seen::read(&store)));
        Self {
            host,
            root: store.root().to_owned(),
            store,
            listener: Listener::default(),
            bundler: None,
            seen,
        }
    }

    /// The same, and this one hears what takes long.
    #[must_use]
    pub fn reporting(self, listener: Listener) -> Self {
        Self { listener, ..self }
    }

    /// Bundles TypeScript by running this program, which can be stopped. Without one it
    /// is done in this process: a source that overflows the bundler's stack ends it then.
    #[must_use]
    pub fn bundler(mut self, bundler: Option<BundlerProcess>) -> Self {
        self.bundler = bundler;
        self
    }

    /// Where artifacts go.
    pub fn store(&self) -> &ArtifactStore {
        &self.store
    }

    /// Builds a package, unless `before` is its artifact and nothing changed.
    pub async fn build(&self, package: &Package, before: Option<&Artifact>) -> Result<Built> {
        if let Some(before) = before
            && self.is_current(package, before)
        {
            return Ok(Built { artifact: before.clone(), unchanged: true });
        }
        let artifact = match &package.manifest.entrypoint {
            Some(Entrypoint::TypeScript(entry)) => self.typescript(package, entry).await?,
            Some(Entrypoint::Wasm(wasm)) => self.wasm(package, wasm).await?,
            None => self.agents_only(package)?,
        };
        if !artifact.component.is_empty()
            && artifact.tools.is_empty()
            && artifact.workflows.is_empty()
        {
            return Err(nothing_offered(&artifact));
        }
        check_schemas(&artifact)?;
        Ok(Built { artifact, unchanged: false })
    }

    /// Whether the script engine is compiled on this machine.
    pub fn is_typescript_ready(&self) -> bool {
        self.host.is_compiled(crate::engine::INSTRUMENTED)
    }

    /// Compiles the script engine, which every TypeScript build needs first.
    /// Returns how long it took; `None` when it was there.
    pub async fn prepare_typescript(&self) -> Result<Option<Duration>> {
        let engine = crate::engine::engine()?;
        if self.is_typescript_ready() {
            return Ok(None);
        }
        let began = Instant::now();
        self.host.compile(engine.instrumented.to_vec()).await?;
        // What a plugin shares with all others is compiled with the first: one that is
        // nothing else.
        let empty = crate::snapshot::snapshot(&self.host, engine, "", "the empty script").await?;
        self.host.compile(empty).await?;
        Ok(Some(began.elapsed()))
    }

    /// Whether a package is still what this artifact was built from, and the artifact whole.
    pub fn is_current(&self, package: &Package, before: &Artifact) -> bool {
        let builder = fingerprint(&package.manifest);
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
        same_manifest
            && inputs::unchanged(&self.store, &self.root, &before.inputs)
            && self.is_whole(before)
    }

    /// Whether every file of an earlier build is there, byte for byte.
    fn is_whole(&self, before: &Artifact) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        before.digests().all(|digest| seen.has(&self.store, digest))
    }

    /// Notes what these artifacts need, so that the next build need not read it.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn remember<'a>(
        &self,
        artifacts: impl IntoIterator<Item = &'a Artifact>,
    ) -> std::io::Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for digest in artifacts.into_iter().flat_map(Artifact::digests) {
            seen.has(&self.store, digest);
        }
        seen.write(&self.store)
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
            callers: manifest.callers.clone(),
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
            self.bundler.clone(),
        )
        .await?;
        let mut files = output.files;
        files.extend(manifest_file(package));
        Ok(Artifact {
            size: output.component.len() as u64,
            component: self.store.put(&output.component)?,
            script: Some(Script {
                source: self.store.put(output.script.as_bytes())?,
                source_map: self.store.put(output.source_map.as_bytes())?,
            }),
            abi: output.description.abi,
            tools: output.description.tools,
            workflows: output.description.workflows,
            inputs: inputs::record(&self.store, &self.root, files)?,
            ..self.blank(package, "typescript", &fingerprint(manifest))
        })
    }

    async fn wasm(&self, package: &Package, wasm: &Path) -> Result<Artifact> {
        let (language, built) = if package.folder.join("Cargo.toml").is_file() {
            let (name, listener) = (package.manifest.package.clone(), self.listener.clone());
            let hear = move |what: &str| listener.hear(name.as_str(), what);
            ("rust", rust::build(&self.root, &package.folder, hear).await?)
        } else {
            let path = package.folder.join(wasm);
            let bytes = inputs::read_within(&self.root, &path).map_err(|error| {
                error.with_help("`[entrypoints] wasm` in the manifest names the component, relative to the manifest's folder")
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
            ..self.blank(package, language, &fingerprint(&package.manifest))
        })
    }

    fn agents_only(&self, package: &Package) -> Result<Artifact> {
        Ok(Artifact {
            inputs: inputs::record(&self.store, &self.root, manifest_file(package))?,
            ..self.blank(package, "agents", &fingerprint(&package.manifest))
        })
    }
}

/// The package's manifest, where it is a file.
fn manifest_file(package: &Package) -> Option<PathBuf> {
    Some(package.folder.join(MANIFEST_FILE)).filter(|path| path.is_file())
}

/// How long the schemas of all items of a package may take to compile.
const SCHEMAS_TIME: Duration = Duration::from_secs(20);

/// Faults of schemas that are told; more are seldom others.
const MAX_FAULTS: usize = 10;

/// Refuses what no input could be held against, and what models' clients throw away:
/// every item's schemas, with their places.
fn check_schemas(artifact: &Artifact) -> Result<()> {
    let began = Instant::now();
    let mut faults = Vec::new();
    for item in artifact.tools.iter().chain(&artifact.workflows) {
        let (package, name) = (&artifact.package, &item.name);
        if began.elapsed() > SCHEMAS_TIME {
            faults.push(BuildError::other(format!(
                "the schemas of `{package}` take longer than {} seconds to compile, which \
                 ended at `{name}`",
                SCHEMAS_TIME.as_secs()
            )));
            break;
        }
        for (keyword, fault) in item.schema_faults() {
            faults.push(
                BuildError::other(format!(
                    "the `{keyword}` of `{package}/{name}` are no JSON Schema: {fault}"
                ))
                .with_help("JSON Schema of draft 7 to 2020-12: https://json-schema.org/understanding-json-schema"),
            );
        }
        if faults.len() >= MAX_FAULTS {
            break;
        }
    }
    BuildError::all(faults).map_or(Ok(()), Err)
}

/// The error about a plugin that nobody could call.
fn nothing_offered(artifact: &Artifact) -> BuildError {
    let help = match artifact.language.as_str() {
        "typescript" => {
            "export them from the entry point: `export default { tools: [ … ], workflows: [ … ] }`"
        }
        "rust" => {
            "name them: `export_plugin! { tools: [ … ], workflows: [ … ] }`, or answer with them from `get-tool-info`"
        }
        _ => "a plugin answers with them from `get-tool-info` and `get-workflow-info`",
    };
    BuildError::other(format!("`{}` offers no tools and no workflows", artifact.package))
        .with_help(help)
}

/// Whether a source that the artifact was built from was changed or removed
/// since, in the workspace of this store.
pub fn is_stale(store: &ArtifactStore, artifact: &Artifact) -> bool {
    !inputs::unchanged(store, store.root(), &artifact.inputs)
}

/// What of this program the build of such a package depends on.
fn fingerprint(manifest: &Manifest) -> String {
    match manifest.entrypoint {
        Some(Entrypoint::TypeScript(_)) => typescript::fingerprint(),
        _ => format!("wasm-{}", env!("CARGO_PKG_VERSION")),
    }
}
