//! The reference plugin, built with every toolchain that is here.

use std::path::{Path, PathBuf};
use std::process::Command;

use distri_host::ArtifactStore;

use crate::repository;

/// The component, or why this machine cannot build it.
pub(crate) type Built = Result<Vec<u8>, String>;

/// Every language, and what became of it.
pub(crate) fn all() -> Vec<(&'static str, Built)> {
    std::thread::scope(|scope| {
        // Beside each other: each waits for one processor most of the time.
        let others = [
            ("typescript-jco", scope.spawn(jco)),
            ("python", scope.spawn(|| python("plugin.py", "## Python, track 0.2"))),
            ("python-async", scope.spawn(|| python("plugin_async.py", "## Python, track 0.3"))),
        ];
        let mut guests = packages();
        guests.extend(others.map(|(language, built)| (language, built.join().unwrap())));
        guests
    })
}

fn kit() -> PathBuf {
    repository().join("tests/conformance")
}

/// Where `scripts/toolchains.sh` installs.
fn tools() -> PathBuf {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
    home("DISTRI_TOOLS").unwrap_or_else(|| {
        let cache = home("XDG_CACHE_HOME").or_else(|| Some(home("HOME")?.join(".cache"))).unwrap();
        cache.join("distri/tools")
    })
}

/// The path with the toolchains and this program in front.
fn path() -> std::ffi::OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_distri")).parent().unwrap().to_owned();
    let tools = tools();
    let mut folders = vec![
        program,
        tools.join("npm/node_modules/.bin"),
        tools.join("python/bin"),
        tools.join("cargo/bin"),
    ];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    std::env::join_paths(folders).unwrap()
}

/// What `distri build` builds: the packages beside this file.
fn packages() -> Vec<(&'static str, Built)> {
    let target = Path::new(env!("CARGO_BIN_EXE_distri")).parent().unwrap().parent().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_distri"))
        .arg("-C")
        .arg(kit())
        .arg("build")
        .env("PATH", path())
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", target.join("plugins"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let store = ArtifactStore::of_workspace(&kit());
    let catalog = store.catalog().unwrap();
    ["rust-sdk", "rust-sdk-sync", "rust-bindgen", "rust-component", "typescript"]
        .into_iter()
        .map(|name| {
            // An older build is no proof: this one must not have failed.
            let failed = said.contains(&format!("{name}: not built"));
            let artifact = catalog.packages.get(name).filter(|_| !failed);
            let wasm = artifact.ok_or(said.clone());
            (name, wasm.and_then(|it| store.get(&it.component).map_err(|error| error.to_string())))
        })
        .collect()
}

/// The shell commands below a heading of the documentation.
fn documented(heading: &str) -> String {
    let text = std::fs::read_to_string(repository().join("docs/toolchains.md")).unwrap();
    let (_, section) = text.split_once(&format!("{heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// Runs the documented commands in a folder, and takes the component they made.
fn follow(heading: &str, folder: &Path) -> Built {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &documented(heading)])
        .current_dir(folder)
        .env("PATH", path())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    std::fs::read(folder.join("plugin.wasm")).map_err(|error| error.to_string())
}

fn python(source: &str, heading: &str) -> Built {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(kit().join("plugins/python").join(source), folder.path().join("plugin.py"))
        .unwrap();
    follow(heading, folder.path())
}

/// As a stranger would: the packed npm package, an editor's files, jco.
fn jco() -> Built {
    let folder = tempfile::tempdir().unwrap();
    let package = packed(folder.path())?;
    let modules = folder.path().join("node_modules");
    std::fs::create_dir_all(&modules).unwrap();
    run(Command::new("tar").arg("-xzf").arg(package).arg("-C").arg(&modules))?;
    std::fs::rename(modules.join("package"), modules.join("distri")).unwrap();
    let source = kit().join("plugins/typescript/index.ts");
    std::fs::copy(source, folder.path().join("index.ts")).unwrap();
    std::fs::write(folder.path().join("package.json"), "{ \"type\": \"module\" }\n").unwrap();
    let text = std::fs::read_to_string(repository().join("docs/toolchains.md")).unwrap();
    let (_, block) = text.split_once("```ts\n").unwrap();
    let block = block.split_once("```").unwrap().0;
    std::fs::write(folder.path().join("component.ts"), block).unwrap();
    follow("## TypeScript with jco", folder.path())
}

/// The npm package, packed.
pub(crate) fn packed(folder: &Path) -> Result<PathBuf, String> {
    let sdk = repository().join("guest-sdk-ts");
    run(Command::new("npm")
        .args(["pack", "--silent", "--pack-destination"])
        .arg(folder)
        .current_dir(sdk))?;
    Ok(folder.join("distri-0.1.0.tgz"))
}

pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let output = command.env("PATH", path()).output().map_err(|error| error.to_string())?;
    let said = || {
        String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat())
            .into_owned()
    };
    if output.status.success() { Ok(()) } else { Err(said()) }
}
