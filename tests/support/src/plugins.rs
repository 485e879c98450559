//! Guests that are built from sources: `tests/guests` is a workspace.

use std::process::Command;
use std::sync::LazyLock;

use distri_host::ArtifactStore;
use distri_manifest::Manifest;

use crate::program::{profile, program, repository};

/// A package's manifest, with these further lines.
pub fn manifest(name: &str, more: &str) -> Manifest {
    let text = format!(
        "package = \"{name}\"\nversion = \"0.1.0\"\n[entrypoints]\nwasm = \"plugin.wasm\"\n{more}"
    );
    let mut manifest: Manifest = text.parse().unwrap();
    manifest.capabilities.tools.push("*".parse().unwrap());
    manifest.capabilities.agents.push("*".parse().unwrap());
    manifest
}

/// The component of a guest.
pub fn built(name: &str) -> Vec<u8> {
    static STORE: LazyLock<ArtifactStore> = LazyLock::new(build);
    let catalog = STORE.catalog().unwrap();
    let artifact = catalog.packages.get(name).unwrap_or_else(|| panic!("`{name}` was not built"));
    STORE.get(&artifact.component).unwrap()
}

fn build() -> ArtifactStore {
    let folder = repository().join("tests/guests");
    let output = Command::new(program())
        .arg("-C")
        .arg(&folder)
        .arg("build")
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", profile().parent().unwrap().join("plugins"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ArtifactStore::of_workspace(&folder)
}
