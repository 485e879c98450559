//! Any bytes as the catalog of a workspace, and as a record of it: a catalog, or an
//! error with a kind that quotes nothing; nothing in it is used that was not proven; and
//! what can be recorded can be read back.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use distri_host::{Artifact, ArtifactStore, Catalog, ErrorKind, RUNTIME_FOLDER};
use libfuzzer_sys::fuzz_target;

static WORKSPACE: LazyLock<(tempfile::TempDir, ArtifactStore)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("workspace");
    std::fs::create_dir_all(root.join(RUNTIME_FOLDER)).expect("a folder");
    let store = ArtifactStore::of_workspace(&root).with_key_in(folder.path().join("key"));
    (folder, store)
});

fn write(store: &ArtifactStore, bytes: &[u8]) {
    let path: &Path = store.folder();
    std::fs::write(path.join("catalog.json"), bytes).expect("a file");
}

fuzz_target!(|bytes: &[u8]| {
    let (_, store) = &*WORKSPACE;
    write(store, bytes);
    match store.catalog() {
        Ok(catalog) => assert!(catalog.packages.is_empty(), "nothing in it is proven"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{error}"),
    }
    let Ok(artifact) = serde_json::from_slice::<Artifact>(bytes) else { return };
    let mut catalog = Catalog::default();
    let package = artifact.package.clone();
    catalog.packages.insert(package.clone(), artifact);
    if let Err(error) = store.commit(&catalog) {
        assert_eq!(error.kind(), ErrorKind::InvalidComponent, "{error}");
        return;
    }
    let read = store.catalog().expect("what was written is read");
    assert!(read.packages.contains_key(&package) != read.refused.contains_key(&package));
});
