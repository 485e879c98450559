//! `distri new`.

use std::path::{Path, PathBuf};

use distri_host::{Error, ErrorKind};
use distri_manifest::PackageName;
use serde_json::json;

use super::{print_json, print_line};
use crate::args::{Args, ItemWord, Language, New};
use crate::failure::Failure;
use crate::{session, terminal};

/// The files of a new package: path, and text with `NAME`, `IDENT` and `SDK` in it.
type Template = &'static [(&'static str, &'static str)];

const TYPESCRIPT_TOOL: Template = &[
    ("distri.toml", include_str!("../../templates/typescript.toml")),
    ("index.ts", include_str!("../../templates/tool.ts")),
];
const TYPESCRIPT_WORKFLOW: Template = &[
    ("distri.toml", include_str!("../../templates/typescript.toml")),
    ("index.ts", include_str!("../../templates/workflow.ts")),
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
        let text = text.replace("NAME", name.as_str()).replace("SDK", &sdk());
        write(&path, &text).map_err(|error| failed(&path, &error))?;
        files.push(path);
    }
    if args.json {
        print_json(&json!({ "package": name, "files": files }));
        return Ok(());
    }
    for file in &files {
        print_line(&format!("wrote {}", file.strip_prefix(&current).unwrap_or(file).display()));
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
    print_line(&format!(
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
/// there, else crates.io.
fn sdk() -> String {
    match Path::new(SDK_SOURCES).canonicalize() {
        Ok(path) => format!("{{ path = {:?} }}", path.display().to_string()),
        Err(_) => format!("{:?}", env!("CARGO_PKG_VERSION")),
    }
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
