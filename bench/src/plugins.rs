//! The plugins that are measured, in Rust and in TypeScript: one tool, `echo`; and
//! one that makes requests, `fetch`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use distri_host::{Artifact, Host};
use distri_workspace::Workspace;

/// What the tool is called with, and what it answers.
pub(crate) const INPUT: &str = r#"{"text":"Hello, World!"}"#;

/// The tool.
pub(crate) const TOOL: &str = "echo";

/// A built plugin.
pub(crate) struct Plugin {
    pub(crate) language: &'static str,
    pub(crate) artifact: Artifact,
    pub(crate) wasm: Vec<u8>,
}

/// All of them, loaded into one host.
pub(crate) struct Plugins {
    pub(crate) host: Host,
    pub(crate) rust: Plugin,
    pub(crate) typescript: Plugin,
    pub(crate) fetching: [Plugin; 2],
}

impl Plugins {
    /// Builds what changed.
    pub(crate) async fn build() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("workspace");
        let workspace = Workspace::at(root.canonicalize()?);
        let host = host()?;
        let report = workspace.build(&host, |_| {}).await?;
        if let Some((package, error)) = report.failed.into_iter().next() {
            bail!("{package} cannot be built: {error}");
        }
        workspace.load(&host)?;
        let plugin = |name: &str, language| {
            let built =
                report.packages.iter().find(|built| built.artifact.package.as_str() == name);
            let artifact = built.with_context(|| format!("no plugin {name}"))?.artifact.clone();
            let wasm = workspace.store().get(&artifact.component)?;
            anyhow::Ok(Plugin { language, artifact, wasm })
        };
        let (rust, typescript) = (plugin("echo-rust", "Rust")?, plugin("echo-ts", "TypeScript")?);
        let fetching = [plugin("fetch-rust", "Rust")?, plugin("fetch-ts", "TypeScript")?];
        Ok(Self { host, rust, typescript, fetching })
    }

    pub(crate) fn both(&self) -> [&Plugin; 2] {
        [&self.rust, &self.typescript]
    }
}

/// A host with everything at its default, but for the cache.
pub(crate) fn host() -> anyhow::Result<Host> {
    host_with(&cache()?)
}

/// The same with this cache folder.
pub(crate) fn host_with(cache: &Path) -> anyhow::Result<Host> {
    Ok(Host::builder().cache_folder(cache).cache_size(4 << 30).build()?)
}

/// Where compiled code is kept from run to run, beside this program.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.parent().context("the program lies nowhere")?.join("bench-cache"))
}
