//! A TypeScript package to a component.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use distri_host::{Description, ErrorKind, Host};

use crate::engine::{self, SHIM, engine};
use crate::fault::{Fault, Place};
use crate::request::Request;
use crate::stack::StackMap;
use crate::{BuildError, BundlerProcess, Result, bundler, sdk, snapshot};

/// What a TypeScript build makes.
pub(crate) struct Output {
    pub(crate) component: Vec<u8>,
    pub(crate) script: String,
    pub(crate) source_map: String,
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
    process: Option<BundlerProcess>,
) -> Result<Output> {
    let entry = find_entry(&folder.join(entry))?;
    // Beside the bundling, which takes as long.
    let engine = tokio::task::spawn_blocking(engine);
    let request = Request {
        root: root.canonicalize()?,
        folder: folder.canonicalize()?,
        entry: entry.clone(),
        imports: imports.clone(),
        careful: false,
    };
    let bundle = bundler::run(process, request).await?;
    for warning in &bundle.warnings {
        tracing::warn!(package = what, "{}", warning.message);
    }
    let engine = engine.await.map_err(|error| BuildError::other(error.to_string()))??;
    // With the line before it, as the engine counts lines.
    let map = StackMap::new(&bundle.source_map, &format!("\n{}", bundle.script), folder);
    let deepest = bundle.deepest.as_ref();
    let located = |error| locate(error, map.as_ref(), &entry, deepest);
    let mut script = told(SHIM, &bundle.script, map.as_ref(), Strictness::All);
    let first = snapshot::snapshot(host, engine, &script, what).await;
    let component = match first {
        // An author can mend their own module, and not a package that they installed.
        Err(error) if warned_of_package(&error, map.as_ref(), what) => {
            script = told(SHIM, &bundle.script, map.as_ref(), Strictness::Author);
            snapshot::snapshot(host, engine, &script, what).await
        }
        result => result,
    };
    let component = component.map_err(located)?;
    let description =
        host.describe(component.clone(), what).await.map_err(BuildError::from).map_err(located)?;
    Ok(Output {
        component,
        script,
        source_map: bundle.source_map,
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
const ENGINE_SAYS: [&str; 3] = [
    "Failed to declare JavaScript module: ",
    "Failed to evaluate user JavaScript module: ",
    "Failed to finish JavaScript module evaluation: ",
];

/// Whose top level may not ask for the time or for chance.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    All,
    Author,
}

/// A bundle as the engine gets it: behind one line, which the source map knows of. It
/// has the engine's helpers for streams and futures, out of the plugin's sight and
/// without indentation, since the script stays in the component's memory; and what the
/// SDK needs to know of the script.
fn told(shim: &str, bundle: &str, map: Option<&StackMap>, strictness: Strictness) -> String {
    let shim = shim.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let known = serde_json::json!({
        "owners": map.map(StackMap::owners).unwrap_or_default(),
        "lenient": strictness == Strictness::Author,
    });
    format!("{{ {shim} }} globalThis[\"distri:script\"]={known};\n{bundle}")
}

/// What the SDK calls what it refuses of the clock and of chance, and what each is.
const MOMENTARY: [(&str, &str); 5] = [
    ("new Date()", "the time"),
    ("Date()", "the time"),
    ("Date.now()", "the time"),
    ("performance.", "the time"),
    ("Math.random()", "a random number"),
];

/// Whether a top level ended because an installed package asked for what is another in
/// each call, of which the author is told.
fn warned_of_package(error: &BuildError, map: Option<&StackMap>, what: &str) -> bool {
    let Some((message, stack)) = thrown(error) else { return false };
    let Some((_, wanted)) = MOMENTARY.iter().find(|(words, _)| message.starts_with(words)) else {
        return false;
    };
    let Some(frame) = map.and_then(|map| map.frames(message, stack).into_iter().next()) else {
        return false;
    };
    let mut parts = frame.file.iter().map(|part| part.to_string_lossy());
    if !parts.any(|part| part == "node_modules") {
        return false;
    }
    let scope = parts.next().unwrap_or_default();
    let name = match parts.next() {
        Some(package) if scope.starts_with('@') => format!("{scope}/{package}"),
        _ => scope.into_owned(),
    };
    tracing::warn!(
        target: "distri::build",
        package = what,
        "`{name}` asks for {wanted} when it is loaded ({}:{}), which is when the plugin is \
         built: it gets the same in each build, and has it in each call",
        frame.file.display(),
        frame.line
    );
    true
}

/// The message and the stack of what a script's top level threw.
fn thrown(error: &BuildError) -> Option<(&str, &str)> {
    let BuildError::Host { error, .. } = error else { return None };
    if error.kind() != ErrorKind::GuestError {
        return None;
    }
    // What the engine says it was doing is of no use to the author.
    let text = ENGINE_SAYS
        .iter()
        .fold(error.message(), |text, words| text.strip_prefix(words).unwrap_or(text));
    let (message, stack) = text.split_once('\n').unwrap_or((text, ""));
    Some((message.strip_prefix("Error: ").unwrap_or(message), stack))
}

/// What the engine says of an `await` that nothing can end.
const DEADLOCK: &str = "blocking on a promise resulted in a dead lock";

/// What the engine says of a thrown value that is no error.
const NO_ERROR: &str = "Exception generated by quickjs: ";

/// Such a value as its author knows it.
fn value_of(said: &str) -> String {
    if let Some(text) = said.strip_prefix("String(Ok(").and_then(|text| text.strip_suffix("))")) {
        return format!("the text {text}");
    }
    let (kind, value) = said.split_at(said.find(['(', '"']).unwrap_or(said.len()));
    match kind {
        "Object" | "Array" | "Function" | "Symbol" => {
            format!("a value of the type {kind}, and no `Error`")
        }
        _ => value.trim_matches(['(', ')', '"']).to_owned(),
    }
}

/// Nodes of a syntax tree that the engine reads without running out of stack, whatever
/// they are: some hundred functions in each other are the least.
const DEEP: usize = 120;

/// Puts what a script's top level threw, or did, at its source line.
fn locate(
    error: BuildError,
    map: Option<&StackMap>,
    entry: &Path,
    deepest: Option<&(usize, Place)>,
) -> BuildError {
    let BuildError::Host { error: host_error, .. } = &error else { return error };
    let name = entry.display();
    if host_error.kind() == ErrorKind::Timeout {
        return BuildError::other(format!(
            "the top level of `{name}`, or of a module that it imports, computes for too long: {}",
            host_error.message()
        ))
        .with_help(
            "it runs once, when the plugin is built: compute inside a tool's or workflow's \
             execute(), or keep what was computed in a file",
        );
    }
    let frames = |(message, stack)| map.map_or(0, |map| map.frames(message, stack).len());
    // What recursed has frames; what could not be read has none.
    let unread = thrown(&error).is_none_or(|thrown| frames(thrown) == 0);
    let overflowed = host_error.kind() == ErrorKind::StackOverflow
        || host_error.message().contains("Maximum call stack size exceeded");
    if overflowed
        && unread
        && let Some((_, place)) = deepest.filter(|(depth, _)| *depth > DEEP)
    {
        return Fault::at(place.clone(), "this is nested too deep for the engine")
            .help("keep it as data and make it in a loop, or split it into parts with names")
            .into();
    }
    let Some((message, stack)) = thrown(&error) else { return error };
    if let Some(value) = message.strip_prefix(NO_ERROR) {
        return BuildError::other(format!(
            "the top level of `{name}`, or of a module that it imports, threw {}",
            value_of(value)
        ))
        .with_help("throw an `Error`: it has a message and a place");
    }
    if message.contains(DEADLOCK) || stack.contains(DEADLOCK) {
        return BuildError::other(format!(
            "the top level of `{name}`, or of a module that it imports, waits for something \
             that never comes"
        ))
        .with_help(
            "an `await` outside of any function ends only with what the top level itself does: \
             there are no timers, no network and no files while a plugin is built",
        );
    }
    if let Some(error) = map.and_then(|map| map.error(message, stack)) {
        return error;
    }
    BuildError::other(format!("{message} (in `{name}` or a module that it imports)"))
}

/// Everything of this program that a TypeScript build depends on.
pub(crate) fn fingerprint() -> String {
    static ALL: LazyLock<String> = LazyLock::new(|| {
        let digest = crate::inputs::digest_of(sdk::all().chain([SHIM]));
        let of_engine = &engine::digest()[..16];
        format!("typescript-{}-{of_engine}-{}", env!("CARGO_PKG_VERSION"), &digest[..16])
    });
    ALL.clone()
}
