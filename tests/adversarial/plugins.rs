//! Guests that are built from sources: `tests/adversarial` is a workspace.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use distri_host::ArtifactStore;

use crate::support::repository;

/// The component of a guest.
pub(crate) fn built(name: &str) -> Vec<u8> {
    static STORE: LazyLock<ArtifactStore> = LazyLock::new(build);
    let catalog = STORE.catalog().unwrap();
    let artifact = catalog.packages.get(name).unwrap_or_else(|| panic!("`{name}` was not built"));
    STORE.get(&artifact.component).unwrap()
}

fn build() -> ArtifactStore {
    let folder = repository().join("tests/adversarial");
    let target = PathBuf::from(env!("CARGO_BIN_EXE_distri"));
    let target = target.parent().unwrap().parent().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_distri"))
        .arg("-C")
        .arg(&folder)
        .arg("build")
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", target.join("plugins"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ArtifactStore::of_workspace(&folder)
}
