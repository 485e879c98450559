//! What a build leaves behind: components by their digest, and the catalog that
//! records what each package was built to. Under `.distri/runtime` of a
//! workspace; nothing there is trusted as code that was already compiled.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use distri_manifest::{Capabilities, Instances, LimitRequest, PackageName};
use serde::{Deserialize, Serialize};

use crate::cache::digest;
use crate::{Error, ErrorKind, ItemInfo, Result};

/// The folder of a workspace for everything made at run time.
pub const RUNTIME_FOLDER: &str = ".distri/runtime";

/// How long a build's files stay after another build replaced them.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// The format of the catalog; another number is another format.
const SCHEMA: u32 = 2;

/// The record of one package's build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// The package's name.
    pub package: PackageName,
    /// The package's version.
    pub version: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its folder, relative to the workspace's root.
    pub folder: PathBuf,
    /// `typescript`, `rust` or `component`: what it was built from.
    pub language: String,
    /// The version of the ABI it conforms to, like `0.3.0`.
    pub abi: String,
    /// SHA-256 of the component.
    pub component: String,
    /// Bytes of the component.
    pub size: u64,
    /// For TypeScript: what serves calls until the component is compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<Script>,
    /// Its tools.
    pub tools: Vec<ItemInfo>,
    /// Its workflows.
    pub workflows: Vec<ItemInfo>,
    /// What its manifest asks for.
    pub capabilities: Capabilities,
    /// The packages whose plugins may call its tools; none for all that were granted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<PackageName>>,
    /// The limits its manifest asks for.
    pub limits: LimitRequest,
    /// How long its instances live.
    pub instances: Instances,
    /// SHA-256 of the list of files that it was built from, which only builds read.
    pub inputs: String,
    /// What built it. Another builder builds it again.
    pub builder: String,
}

/// A script, and the engine that runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// SHA-256 of the engine, a component.
    pub engine: String,
    /// SHA-256 of the script.
    pub source: String,
    /// SHA-256 of the source map from the script to what it was bundled from.
    pub source_map: String,
}

/// All packages of a workspace that were built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// The format's number.
    schema: u32,
    /// The packages, by name.
    pub packages: BTreeMap<PackageName, Artifact>,
}

impl Catalog {
    /// The digests of all files that its packages need.
    fn digests(&self) -> impl Iterator<Item = &str> {
        self.packages.values().flat_map(|artifact| {
            let script = artifact
                .script
                .iter()
                .flat_map(|script| [&script.engine, &script.source, &script.source_map]);
            // A package of agents only has no component.
            let component = Some(&artifact.component).filter(|digest| !digest.is_empty());
            script.chain(component).chain([&artifact.inputs]).map(String::as_str)
        })
    }
}

/// Whether a text is a SHA-256 in hexadecimal: digests name files, and the
/// catalog is not trusted to name others.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Default for Catalog {
    fn default() -> Self {
        Self { schema: SCHEMA, packages: BTreeMap::new() }
    }
}

/// The runtime folder of one workspace.
#[derive(Debug, Clone)]
pub struct ArtifactStore {
    folder: PathBuf,
}

impl ArtifactStore {
    /// The store of the workspace at `root`. Nothing is read or made yet.
    pub fn of_workspace(root: &Path) -> Self {
        Self { folder: root.join(RUNTIME_FOLDER) }
    }

    /// The store of the workspace that `package` lies in: the nearest folder
    /// above it that holds a catalog.
    pub fn above(package: &Path) -> Option<Self> {
        let package = package.canonicalize().ok()?;
        package.ancestors().map(Self::of_workspace).find(|store| store.catalog_path().is_file())
    }

    /// The workspace's root.
    pub fn root(&self) -> Option<&Path> {
        let depth = Path::new(RUNTIME_FOLDER).components().count();
        self.folder.ancestors().nth(depth)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn catalog_path(&self) -> PathBuf {
        self.folder.join("catalog.json")
    }

    fn blob_path(&self, digest: &str) -> PathBuf {
        self.folder.join("blobs").join(digest)
    }

    /// The catalog; an empty one where nothing was built yet.
    ///
    /// # Errors
    ///
    /// `internal` with the file's name when it cannot be read or is of another
    /// format. `distri build` then writes it anew.
    pub fn catalog(&self) -> Result<Catalog> {
        let path = self.catalog_path();
        let bad = |why: String| {
            Error::new(ErrorKind::Internal, format!("the catalog `{}` {why}", path.display()))
                .with_hint("run `distri build`: it sets the file aside and builds anew")
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Catalog::default()),
            Err(error) => return Err(bad(format!("cannot be read: {error}"))),
        };
        let catalog: Catalog =
            serde_json::from_str(&text).map_err(|error| bad(format!("is damaged: {error}")))?;
        if let Some(bad_digest) = catalog.digests().find(|digest| !is_digest(digest)) {
            return Err(bad(format!("is damaged: {bad_digest:?} is not a digest")));
        }
        let misnamed = |(name, artifact): &(&PackageName, &Artifact)| **name != artifact.package;
        if let Some((name, _)) = catalog.packages.iter().find(misnamed) {
            return Err(bad(format!("is damaged: `{name}` is another package")));
        }
        if catalog.schema != SCHEMA {
            return Err(bad(format!("has format {}, this program reads {SCHEMA}", catalog.schema)));
        }
        Ok(catalog)
    }

    /// Replaces the catalog, whole.
    pub fn commit(&self, catalog: &Catalog) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(catalog)?;
        write_whole(&self.catalog_path(), &text)
    }

    /// Moves a damaged catalog out of the way, and says where to.
    pub fn set_aside_catalog(&self) -> io::Result<PathBuf> {
        let aside = self.folder.join("catalog.damaged.json");
        std::fs::rename(self.catalog_path(), &aside)?;
        Ok(aside)
    }

    /// Keeps bytes under their digest, and returns it.
    pub fn put(&self, bytes: &[u8]) -> io::Result<String> {
        let digest = digest(bytes);
        let path = self.blob_path(&digest);
        // What is there under this name was written whole; a damaged one is
        // noticed when it is read, and replaced by the next build.
        if !path.is_file() || std::fs::read(&path)? != bytes {
            write_whole(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Whether bytes are kept under this digest.
    pub fn has(&self, digest: &str) -> bool {
        self.blob_path(digest).is_file()
    }

    /// The bytes with this digest.
    ///
    /// # Errors
    ///
    /// `invalid-component` when they are missing or were changed.
    pub fn get(&self, wanted: &str) -> Result<Vec<u8>> {
        let bytes = std::fs::read(self.blob_path(wanted)).map_err(|error| {
            Error::new(ErrorKind::InvalidComponent, "a file that the build made is missing")
                .with_hint("run `distri build`")
                .with_source(error)
        })?;
        if digest(&bytes) == wanted {
            Ok(bytes)
        } else {
            Err(Error::new(ErrorKind::InvalidComponent, "a file that the build made was changed")
                .with_hint("run `distri build`"))
        }
    }

    /// The text with this digest.
    pub fn get_text(&self, wanted: &str) -> Result<String> {
        String::from_utf8(self.get(wanted)?).map_err(|error| {
            Error::new(ErrorKind::InvalidComponent, "a script that the build made is not UTF-8")
                .with_source(error)
        })
    }

    /// Removes what no package of the catalog needs and no build of the last hour
    /// made: a host that runs may not have read its plugins' code yet.
    pub fn sweep(&self, catalog: &Catalog) -> io::Result<()> {
        let needed: HashSet<&str> = catalog.digests().collect();
        let entries = match std::fs::read_dir(self.folder.join("blobs")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let unneeded = entry.file_name().to_str().is_none_or(|name| !needed.contains(name));
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if unneeded && age > KEPT_FOR {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Writes beside the file, to disk, and renames: readers, and a crash at any
/// moment, see the old file or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_blob_is_noticed_and_mended() {
        let root = tempfile::tempdir().unwrap();
        let store = ArtifactStore::of_workspace(root.path());
        let name = store.put(b"component").unwrap();
        assert_eq!(store.get(&name).unwrap(), b"component");
        std::fs::write(store.blob_path(&name), b"other").unwrap();
        assert_eq!(store.get(&name).unwrap_err().kind(), ErrorKind::InvalidComponent);
        store.put(b"component").unwrap();
        assert_eq!(store.get(&name).unwrap(), b"component");
    }

    #[test]
    fn a_damaged_catalog_is_named() {
        let root = tempfile::tempdir().unwrap();
        let store = ArtifactStore::of_workspace(root.path());
        assert_eq!(store.catalog().unwrap(), Catalog::default());
        store.commit(&Catalog::default()).unwrap();
        assert_eq!(store.catalog().unwrap(), Catalog::default());
        for bad in ["", "{", "{\"schema\":99,\"packages\":{}}"] {
            std::fs::write(store.catalog_path(), bad).unwrap();
            let error = store.catalog().unwrap_err();
            assert!(error.message().contains("catalog.json"), "{error}");
        }
    }
}
