//! Plugins in Python, where the toolchain is there that the conformance tests install.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Two components that answer with their input and differ in a text; none without
/// componentize-py.
pub(crate) fn build() -> anyhow::Result<Option<[Vec<u8>; 2]>> {
    let Some(program) = componentize_py() else { return Ok(None) };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = std::fs::read_to_string(root.join("tests/conformance/plugins/python/plugin.py"))?;
    let folder = tempfile::tempdir()?;
    let mut built = Vec::new();
    for other in ["", "\nOTHER = 'a text that the first has not'\n"] {
        std::fs::write(folder.path().join("plugin.py"), format!("{source}{other}"))?;
        let output = Command::new(&program)
            .arg("-d")
            .arg(root.join("wit/v0.2"))
            .args(["-w", "plugin", "componentize", "plugin", "-o", "plugin.wasm"])
            .current_dir(folder.path())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::ensure!(output.status.success(), "componentize-py failed: {said}");
        built.push(std::fs::read(folder.path().join("plugin.wasm"))?);
    }
    Ok(<[Vec<u8>; 2]>::try_from(built).ok())
}

/// Where `scripts/toolchains.sh` puts it.
fn componentize_py() -> Option<PathBuf> {
    let home = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let tools = home("DISTRI_TOOLS").or_else(|| {
        let cache = home("XDG_CACHE_HOME").or_else(|| Some(home("HOME")?.join(".cache")))?;
        Some(cache.join("distri/tools"))
    })?;
    Some(tools.join("python/bin/componentize-py")).filter(|program| program.is_file())
}
