//! A TypeScript package to a component.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distri_host::{Description, ErrorKind, Host};

use crate::engine::{Engine, engine};
use crate::stack::StackMap;
use crate::{BuildError, Result, bundle, sdk, snapshot};

/// What a TypeScript build makes.
pub(crate) struct Output {
    pub(crate) component: Vec<u8>,
    pub(crate) script: String,
    pub(crate) source_map: String,
    pub(crate) engine: Arc<[u8]>,
    pub(crate) description: Description,
    pub(crate) files: Vec<PathBuf>,
}

/// Bundles, initialises, describes.
pub(crate) async fn build(
    host: &Host,
    root: &Path,
    folder: &Path,
    entry: &Path,
    imports: &BTreeMap<String, String>,
    what: &str,
) -> Result<Output> {
    let entry = find_entry(&folder.join(entry))?;
    let Engine { shim, whole, .. } = engine()?;
    let bundle = bundle::bundle(root, folder, &entry, imports, shim).await?;
    let map = StackMap::new(&bundle.source_map, folder);
    let located = |error| locate(error, map.as_ref());
    let component =
        snapshot::snapshot(host, engine()?, &bundle.script, what).await.map_err(located)?;
    let description = host
        .describe_script(Arc::clone(whole), &bundle.script, what)
        .await
        .map_err(BuildError::from)
        .map_err(located)?;
    Ok(Output {
        component,
        script: bundle.script,
        source_map: bundle.source_map,
        engine: Arc::clone(whole),
        description,
        files: bundle.files,
    })
}

/// An entry without an extension means `.ts`, then `/mod.ts`.
fn find_entry(entry: &Path) -> Result<PathBuf> {
    if entry.is_file() {
        return Ok(entry.canonicalize()?);
    }
    let tried = [entry.with_extension("ts"), entry.join("mod.ts")];
    match tried.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.canonicalize()?),
        None => Err(BuildError::other(format!(
            "the entry point `{}` is not there",
            entry.display()
        ))
        .with_help(
            "`[entrypoints] ts` in the manifest names it, relative to the manifest's folder",
        )),
    }
}

/// What the engine puts before the message of a module that threw.
const ENGINE_SAYS: [&str; 2] = [
    "Failed to evaluate user JavaScript module: ",
    "Failed to finish JavaScript module evaluation: ",
];

/// What the engine says of a promise that nothing will settle.
const NEVER_SETTLED: &str = "blocking on a promise resulted in a dead lock";

/// Puts what a script's top level threw at its source line.
fn locate(error: BuildError, map: Option<&StackMap>) -> BuildError {
    let BuildError::Host { error: host_error, .. } = &error else { return error };
    if host_error.kind() != ErrorKind::GuestError {
        return error;
    }
    // What the engine says it was doing is of no use to the author.
    let text = ENGINE_SAYS
        .iter()
        .fold(host_error.message(), |text, words| text.strip_prefix(words).unwrap_or(text));
    let (message, stack) = text.split_once('\n').unwrap_or((text, ""));
    let message = message.strip_prefix("Error: ").unwrap_or(message);
    if message.contains(NEVER_SETTLED) {
        return BuildError::other("the module's top level waits for something that never comes")
            .with_help(
                "it runs once, when the plugin is built, and nothing is under way then: wait inside \
                 a tool's or workflow's `execute()`",
            );
    }
    map.and_then(|map| map.error(message, stack)).unwrap_or_else(|| BuildError::other(message))
}

/// Everything of this program that a TypeScript build depends on.
pub(crate) fn fingerprint() -> Result<String> {
    let engine = engine()?;
    let digest = crate::inputs::digest_of(sdk::all().chain([engine.shim.as_str()]));
    Ok(format!(
        "typescript-{}-{}-{}",
        env!("CARGO_PKG_VERSION"),
        &engine.digest[..16],
        &digest[..16]
    ))
}
