//! `distri new`.

use std::path::{Component, Path, PathBuf};

use distri_files::{Folder, Guard};
use distri_host::{Error, ErrorKind};
use distri_manifest::{PackageName, WORKSPACE_PACKAGE};
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
    if new.path.components().any(|part| part == Component::ParentDir) {
        return Err(leads_out(&new.path));
    }
    let folder = folder(&current, workspace.root(), &new.path);
    let Ok(below) = folder.strip_prefix(workspace.root()).map(Path::to_owned) else {
        return Err(leads_out(&new.path));
    };
    if below.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b".")) {
        return Err(usage(
            format!("`{}` lies in a hidden folder", new.path.display()),
            "packages are in `plugins/`: `distri new NAME` makes one there",
        ));
    }
    let name = name(&folder)?;
    if name.as_str() == WORKSPACE_PACKAGE {
        return Err(usage(
            format!("`{name}` is the name of the workspace's own `src/mod.ts`"),
            "give the package another name",
        ));
    }
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
        let text = text.replace("NAME", name.as_str()).replace("SDK", &sdk(&folder));
        if let Err(error) = write(workspace.root(), &below.join(path), &text) {
            take_back(workspace.root(), &below, template);
            return Err(failed(&error));
        }
        files.push(folder.join(path));
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

/// Where the package goes: a name alone is that of a package, a path is below the
/// workspace's root, or below the current folder where that makes it one of the
/// workspace's packages.
fn folder(current: &Path, root: &Path, path: &Path) -> PathBuf {
    if let Some(Component::Normal(name)) = path.components().next()
        && path.components().count() == 1
        && path.is_relative()
    {
        return root.join(PLUGINS).join(name);
    }
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

fn leads_out(path: &Path) -> Failure {
    usage(
        format!("`{}` leads out of the workspace", path.display()),
        "packages are in its `plugins/`: `distri new NAME` makes one there",
    )
}

/// Removes what was written of a package, through no link, and folders that are empty
/// then: half of it would only be in the way.
fn take_back(root: &Path, below: &Path, template: Template) {
    let mut folders = vec![root.join(below)];
    for (path, _) in template {
        let path = below.join(path);
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { continue };
        folders.push(root.join(above));
        if let Ok(folder) = Folder::open(root, above, Guard::Workspace) {
            let _ = folder.remove(&name.to_string_lossy());
        }
    }
    // Those inside first.
    for folder in folders.into_iter().rev() {
        let _ = std::fs::remove_dir(folder);
    }
}

/// Writes a file below the workspace's root, through no link.
fn write(root: &Path, below: &Path, text: &str) -> std::io::Result<()> {
    let folder = below.parent().unwrap_or(Path::new(""));
    let name = below.file_name().unwrap_or_default().to_string_lossy();
    Folder::make(root, folder, Guard::Workspace)?.write_shared(&name, text.as_bytes())
}

fn usage(message: String, hint: &str) -> Failure {
    Failure::Usage(Error::new(ErrorKind::InvalidInput, message).with_hint(hint))
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::Host(Error::new(ErrorKind::Internal, format!("cannot write the package: {error}")))
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
