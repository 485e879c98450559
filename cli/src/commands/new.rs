//! `distri new`.

use std::path::{Path, PathBuf};

use distri_host::{Error, ErrorKind};
use distri_manifest::PackageName;
use serde_json::json;

use crate::args::{Args, ItemWord, Language, New};
use crate::failure::Failure;
use crate::{output, session, terminal};

/// The files of a new package: path, and text with `NAME` and `SDK` in it.
type Template = &'static [File];
type File = (&'static str, &'static str);

/// For editors and `tsc`: the build needs neither.
const TSCONFIG: File = ("tsconfig.json", include_str!("../../templates/tsconfig.json"));
/// The types of the built-in SDK, written by `scripts/types.mjs`.
const TYPES: File = ("distri.d.ts", include_str!("../../templates/distri.d.ts"));

const TYPESCRIPT_TOOL: Template = &[
    ("distri.toml", include_str!("../../templates/typescript.toml")),
    ("index.ts", include_str!("../../templates/tool.ts")),
    TSCONFIG,
    TYPES,
];
const TYPESCRIPT_WORKFLOW: Template = &[
    ("distri.toml", include_str!("../../templates/typescript.toml")),
    ("index.ts", include_str!("../../templates/workflow.ts")),
    TSCONFIG,
    TYPES,
];
const RUST_TOOL: Template = &[
    ("distri.toml", include_str!("../../templates/rust.toml")),
    ("Cargo.toml", include_str!("../../templates/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../../templates/tool.rs.in")),
    (".gitignore", "/target\n"),
];
const RUST_WORKFLOW: Template = &[
    ("distri.toml", include_str!("../../templates/rust.toml")),
    ("Cargo.toml", include_str!("../../templates/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../../templates/workflow.rs.in")),
    (".gitignore", "/target\n"),
];

/// Where a workspace's packages are.
const PLUGINS: &str = "plugins";

/// The Rust SDK in the sources that this program was built from.
const SDK_SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest-sdk-rust");

pub(crate) fn run(args: &Args, new: &New) -> Result<(), Failure> {
    let current = session::current()?;
    let workspace = session::workspace(args)?;
    let folder = folder(&current, workspace.root(), &new.path);
    let name = name(&folder)?;
    if folder.exists() {
        return Err(usage(
            format!("`{}` is there already", folder.display()),
            "name a folder that is not, or remove it",
        ));
    }
    let template = match (new.lang, new.kind) {
        (Language::Ts, ItemWord::Tool) => TYPESCRIPT_TOOL,
        (Language::Ts, ItemWord::Workflow) => TYPESCRIPT_WORKFLOW,
        (Language::Rust, ItemWord::Tool) => RUST_TOOL,
        (Language::Rust, ItemWord::Workflow) => RUST_WORKFLOW,
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for (path, text) in template {
        let path = folder.join(path);
        let text = text.replace("NAME", name.as_str()).replace("SDK", &sdk(&folder));
        write(&path, &text).map_err(|error| failed(&path, &error))?;
        files.push(path);
    }
    if args.json {
        output::json(&json!({ "package": name, "files": files }));
        return Ok(());
    }
    for file in &files {
        output::line(&format!("wrote {}", file.strip_prefix(&current).unwrap_or(file).display()));
    }
    let (command, item) = match new.kind {
        ItemWord::Tool => ("call", "greet"),
        ItemWord::Workflow => ("run", "welcome"),
    };
    if folder.parent() != Some(workspace.root().join(PLUGINS).as_path()) {
        terminal::warning(&format!(
            "packages are found in `{}`, and this one is not there",
            workspace.root().join(PLUGINS).display()
        ));
    }
    output::lines(&format!(
        "\nnext:\n  distri build\n  distri {command} {name}/{item} --input '{{\"name\": \"Ada\"}}'"
    ));
    Ok(())
}

/// Where the package goes: a path is below the workspace's root, or below the current
/// folder where that makes it one of the workspace's packages.
fn folder(current: &Path, root: &Path, path: &Path) -> PathBuf {
    let here = current.join(path);
    let parent = here.parent().and_then(|parent| parent.canonicalize().ok());
    if parent.is_some_and(|parent| parent == root.join(PLUGINS)) {
        return root.join(PLUGINS).join(path.file_name().unwrap_or_default());
    }
    root.join(path)
}

/// The package's name: the folder's.
fn name(folder: &Path) -> Result<PackageName, Failure> {
    let text = folder.file_name().unwrap_or_default().to_string_lossy();
    PackageName::new(&*text).map_err(|error| {
        usage(error.to_string(), "the last part of the path is the package's name")
    })
}

/// Where the Rust SDK comes from: the sources of this program while they are
/// there, else crates.io. A package within those sources names it by a relative
/// path, which is right wherever they lie.
fn sdk(folder: &Path) -> String {
    let Ok(sdk) = Path::new(SDK_SOURCES).canonicalize() else {
        return format!("{:?}", env!("CARGO_PKG_VERSION"));
    };
    let path = relative(&sdk, folder).unwrap_or(sdk);
    format!("{{ path = {:?} }}", path.display().to_string())
}

/// The way to the SDK from a folder, which need not be there, within its sources.
fn relative(sdk: &Path, folder: &Path) -> Option<PathBuf> {
    let there = folder.ancestors().find(|ancestor| ancestor.exists())?;
    let folder = there.canonicalize().ok()?.join(folder.strip_prefix(there).ok()?);
    let inside = folder.strip_prefix(sdk.parent()?).ok()?;
    let up: PathBuf = inside.components().map(|_| "..").collect();
    Some(up.join(sdk.file_name()?))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    std::fs::write(path, text)
}

fn usage(message: String, hint: &str) -> Failure {
    Failure::Usage(Error::new(ErrorKind::InvalidInput, message).with_hint(hint))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Host(Error::new(
        ErrorKind::Internal,
        format!("cannot write `{}`: {error}", path.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_within_the_sources_names_the_sdk_by_a_relative_path() {
        let sources = tempfile::tempdir().unwrap();
        let sdk = sources.path().canonicalize().unwrap().join("guest-sdk-rust");
        std::fs::create_dir_all(sources.path().join("examples/plugins")).unwrap();
        let way = |folder: PathBuf| relative(&sdk, &folder);
        let inside = way(sources.path().join("examples/plugins/new/one"));
        assert_eq!(inside, Some(PathBuf::from("../../../../guest-sdk-rust")));
        assert_eq!(way(tempfile::tempdir().unwrap().path().join("new")), None);
    }
}
