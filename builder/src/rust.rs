//! A Rust package to a component: cargo, for the wasm target that is installed.

use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use distri_files::{Folder, Guard};
use etcetera::BaseStrategy as _;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::component::component;
use crate::environment::without_secrets;
use crate::inputs::digest_of;
use crate::{BuildError, Result, inputs};

/// The targets that can be used, best first.
const TARGETS: [&str; 3] = ["wasm32-wasip2", "wasm32-wasip1", "wasm32-unknown-unknown"];

/// The target that `cargo component` makes components from.
const COMPONENT_TARGET: &str = "wasm32-wasip1";

/// In the user's cache folder: cargo's files, by workspace.
const TARGETS_FOLDER: &str = "distri/cargo";

/// Most bytes of a `Cargo.toml`, and of cargo's list of what a module depends on.
const MAX_TEXT: u64 = 16 << 20;

/// Most bytes of what cargo says that are kept: its first errors, which are the ones to
/// mend.
const MAX_SAID: usize = 256 << 10;

/// What a Rust build makes.
pub(crate) struct Output {
    pub(crate) component: Vec<u8>,
    pub(crate) files: Vec<PathBuf>,
}

/// A cargo that can build for a wasm target.
struct Toolchain {
    cargo: OsString,
    target: &'static str,
}

/// Builds the package in `folder` of the workspace at `root`. `hear` is told what cargo
/// does.
pub(crate) async fn build(
    root: &Path,
    folder: &Path,
    hear: impl Fn(&str) + Send + 'static,
) -> Result<Output> {
    let toolchain = toolchain(folder).await?;
    own_files(root, folder, &toolchain).await?;
    let target_folder = target_folder(root)?;
    // Packages of one name from different workspaces may share the folder: what
    // cargo leaves there is read before another may replace it.
    let lock = target_folder.lock_file(".distri-lock").map_err(|error| unusable(&error))?;
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
        .await
        .map_err(|error| BuildError::other(error.to_string()))??;
    let wasm = cargo(&toolchain, folder, target_folder.path(), hear).await?;
    let bytes = inputs::read(&wasm)?;
    let files = dependencies(&wasm, folder);
    drop(lock);
    Ok(Output { component: component(bytes)?, files })
}

/// Where cargo's own files go, open: where the user's `CARGO_TARGET_DIR` says, else to
/// a folder of the workspace's in the user's cache folder. Never into the workspace,
/// whose links cargo would follow.
fn target_folder(root: &Path) -> Result<Folder> {
    if let Some(named) = std::env::var_os("CARGO_TARGET_DIR").filter(|named| !named.is_empty()) {
        // Cargo runs in another folder than this program.
        let named = std::path::absolute(named)?;
        std::fs::create_dir_all(&named)?;
        return Folder::open(&named, Path::new(""), Guard::Workspace)
            .map_err(|error| unusable(&error));
    }
    let strategy = etcetera::choose_base_strategy()
        .map_err(|error| BuildError::other(format!("there is no cache folder: {error}")))?;
    let cache = strategy.cache_dir();
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&cache)?;
    let own = &digest_of([&*root.to_string_lossy()])[..16];
    Folder::make(&cache, &Path::new(TARGETS_FOLDER).join(own), Guard::Private)
        .map_err(|error| unusable(&error))
}

fn unusable(error: &std::io::Error) -> BuildError {
    BuildError::other(format!("cannot compile Rust: {error}")).with_help(
        "cargo's files go to `distri/cargo` in your cache folder, or where `CARGO_TARGET_DIR` says",
    )
}

/// Refuses a package whose lock file is a link, or that of the cargo workspace that it is
/// a member of, wherever that lies: cargo writes there.
async fn own_files(root: &Path, folder: &Path, toolchain: &Toolchain) -> Result<()> {
    let above = folder.ancestors().take_while(|above| above.starts_with(root)).map(Path::to_owned);
    for folder in above.chain(cargo_workspace(folder, toolchain).await) {
        let path = folder.join("Cargo.lock");
        if std::fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(BuildError::other(format!("`{}` is no regular file", path.display()))
                .with_help("cargo writes it, and would follow a link: remove it"));
        }
    }
    Ok(())
}

/// The folder of the cargo workspace that a package belongs to; none where cargo cannot
/// tell, and then does not build it either.
async fn cargo_workspace(folder: &Path, toolchain: &Toolchain) -> Option<PathBuf> {
    let output = without_secrets(&mut Command::new(&toolchain.cargo))
        .args(["locate-project", "--workspace", "--message-format=plain"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .await
        .ok()?;
    let manifest = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end());
    Some(manifest.parent()?.to_owned())
}

/// Finds a toolchain with a wasm target: the user's, then the one that
/// `scripts/rust-wasm-target.sh` makes where rustup cannot help.
async fn toolchain(folder: &Path) -> Result<Toolchain> {
    let own = own_toolchain();
    for target in TARGETS {
        for (cargo, rustc) in [(OsString::from("cargo"), OsString::from("rustc"))]
            .into_iter()
            .chain(own.iter().map(|bin| (bin.join("cargo").into(), bin.join("rustc").into())))
        {
            if has_target(&rustc, target, folder).await {
                return Ok(Toolchain { cargo, target });
            }
        }
    }
    Err(BuildError::other("no Rust toolchain here can build for WebAssembly").with_help(format!(
        "install a target with `rustup target add {}`, or run `make setup` in Distri's sources",
        TARGETS[0]
    )))
}

/// The folder with the programs of the toolchain that the setup script made.
fn own_toolchain() -> Option<PathBuf> {
    let toolchain = if let Some(path) = std::env::var_os("DISTRI_RUST_WASM") {
        PathBuf::from(path)
    } else {
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let data =
            data.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")))?;
        data.join("distri/rust-wasm")
    };
    let programs =
        [toolchain.join("bin"), toolchain.join("bin/rustc"), toolchain.join("bin/cargo")];
    let is_ours = programs.iter().all(|program| distri_files::is_own(program));
    Some(toolchain.join("bin")).filter(|bin| is_ours && bin.join("rustc").is_file())
}

async fn has_target(rustc: &OsString, target: &str, folder: &Path) -> bool {
    let output = without_secrets(&mut Command::new(rustc))
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(folder)
        .stderr(Stdio::null())
        .output()
        .await;
    let Ok(output) = output else { return false };
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    output.status.success()
        && std::fs::read_dir(libraries).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
            })
        })
}

/// The part of cargo's messages that matters here: what it made. Errors come on
/// standard error, rendered.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        filenames: Vec<PathBuf>,
        manifest_path: PathBuf,
    },
    #[serde(other)]
    Other,
}

/// Runs cargo and returns the module it made.
async fn cargo(
    toolchain: &Toolchain,
    folder: &Path,
    target_folder: &Path,
    hear: impl Fn(&str) + Send + 'static,
) -> Result<PathBuf> {
    // Cargo takes two packages of one name, in the root of workspaces of their own,
    // for the same one: in a shared folder it would give one of them the other's
    // module. A flag that differs, or a folder, keeps them apart.
    let own = format!("distri_folder_{}", &digest_of([&*folder.to_string_lossy()])[..16]);
    let mut command = Command::new(&toolchain.cargo);
    let messages = "--message-format=json-render-diagnostics";
    let made = if uses_cargo_component(folder)? {
        let made = target_folder.join(own);
        command
            .args(["component", "build", "--release", "--target", COMPONENT_TARGET])
            .args([messages, "--target-dir"])
            .arg(&made);
        made
    } else {
        command
            .args(["rustc", "--lib", "--release", "--target", toolchain.target])
            .args([messages, "--target-dir"])
            .arg(target_folder)
            .args(["--", "--cfg", &own]);
        target_folder.to_owned()
    };
    let mut child = without_secrets(&mut command)
        .current_dir(folder)
        // Settings of a cargo that runs this program are not the plugin's.
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        // What is in between goes where the rest goes, whatever the package's
        // configuration says.
        .env("CARGO_BUILD_BUILD_DIR", made)
        // Cargo shows its progress on terminals only, unless it is told to and how wide.
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "100")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            BuildError::other(format!("cannot run cargo: {error}"))
                .with_help("install Rust from https://rustup.rs")
        })?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(BuildError::other("cannot read what cargo says"));
    };
    // What cargo says goes to our standard error only when it failed.
    let said = tokio::spawn(async move {
        let mut stderr = BufReader::new(stderr);
        let mut said = String::new();
        let mut part = Vec::new();
        // Progress is written over and over on one line.
        while let Ok(1..) = stderr.read_until(b'\r', &mut part).await {
            let text = String::from_utf8_lossy(&part).into_owned();
            part.clear();
            let lines = text.trim_end().split('\n');
            for line in lines.filter(|_| !text.trim().is_empty()) {
                if let Some(doing) = doing(line) {
                    hear(doing);
                } else {
                    tracing::debug!(target: "distri::cargo", "{line}");
                    if said.len() + line.len() <= MAX_SAID {
                        said.push_str(line);
                        said.push('\n');
                    }
                }
            }
        }
        said
    });
    let own_manifest = folder.join("Cargo.toml").canonicalize()?;
    let mut module = None;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if let Ok(Message::CompilerArtifact { filenames, manifest_path }) =
            serde_json::from_str(&line)
            && manifest_path == own_manifest
        {
            let wasm =
                filenames.into_iter().find(|file| file.extension().is_some_and(|e| e == "wasm"));
            module = wasm.or(module);
        }
    }
    let status = child.wait().await?;
    let said = said.await.unwrap_or_default();
    if !status.success() {
        let errors = said
            .lines()
            .filter(|line| !line.trim_start().starts_with("Compiling"))
            .collect::<Vec<_>>();
        return Err(BuildError::other(format!("cargo failed:\n{}", errors.join("\n").trim_end())));
    }
    module.ok_or_else(|| {
        BuildError::other("cargo built no WebAssembly module")
            .with_help("the package's Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`")
    })
}

/// What cargo's line of progress says it is compiling: `12/48: serde, syn(build)...`.
fn doing(line: &str) -> Option<&str> {
    let (_, rest) = line.trim().strip_prefix("Building [")?.split_once("] ")?;
    Some(rest.trim()).filter(|doing| !doing.is_empty())
}

/// Whether a package says that `cargo component` builds it.
fn uses_cargo_component(folder: &Path) -> Result<bool> {
    #[derive(Deserialize)]
    struct CargoToml {
        package: Package,
    }
    #[derive(Deserialize)]
    struct Package {
        #[serde(default)]
        metadata: toml::Table,
    }
    let path = folder.join("Cargo.toml");
    let text = distri_files::read_text(&path, MAX_TEXT)
        .map_err(|error| BuildError::other(format!("cannot read `{}`: {error}", path.display())))?;
    let parsed = toml::from_str::<CargoToml>(&text);
    // What is wrong with it, cargo says better.
    Ok(parsed.is_ok_and(|cargo| cargo.package.metadata.contains_key("component")))
}

/// Cargo's own folder, where it keeps what it fetched.
fn cargo_home() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").filter(|named| !named.is_empty());
    let own = || Some(etcetera::home_dir().ok()?.join(".cargo"));
    named.map(PathBuf::from).or_else(own)
}

/// The files that cargo says the module depends on, and the package's own
/// cargo files. Sources of the registry never change and are left out.
fn dependencies(wasm: &Path, folder: &Path) -> Vec<PathBuf> {
    let text = distri_files::read_text(&wasm.with_extension("d"), MAX_TEXT).unwrap_or_default();
    let registry = cargo_home().map(|home| home.join("registry"));
    let listed = text.split_once(": ").map_or("", |(_, files)| files);
    let mut files: Vec<PathBuf> = listed
        .replace("\\ ", "\u{0}")
        .split_whitespace()
        .map(|file| PathBuf::from(file.replace('\u{0}', " ")))
        .filter(|file| file.is_file() && !registry.as_ref().is_some_and(|it| file.starts_with(it)))
        .collect();
    files.extend(
        ["Cargo.toml", "Cargo.lock"]
            .map(|name| folder.join(name))
            .into_iter()
            .filter(|file| file.is_file()),
    );
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_progress_is_told_from_what_it_says() {
        assert_eq!(
            doing("    Building [=====>      ] 12/48: serde, syn(build)...   "),
            Some("12/48: serde, syn(build)...")
        );
        assert_eq!(doing("   Compiling serde v1.0.0"), None);
        assert_eq!(doing("error: Building [ is wrong"), None);
    }
}
