//! What a build was made of, to know when it need not be made again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distri_files::{Folder, Guard};
use distri_host::{ArtifactStore, digest};

use crate::{BuildError, Result};

/// Most bytes of one file that a package is built from.
const MAX_FILE: u64 = 256 << 20;

/// SHA-256 of each file, by its path relative to the root where it lies in it.
type Inputs = BTreeMap<PathBuf, String>;

/// Keeps the list of these files, and gives its digest.
pub(crate) fn record(
    store: &ArtifactStore,
    root: &Path,
    files: impl IntoIterator<Item = PathBuf>,
) -> Result<String> {
    let inputs: Result<Inputs> = files
        .into_iter()
        .map(|file| {
            let found = digest(&read(&file)?);
            let name = file.strip_prefix(root).map(Path::to_owned).unwrap_or(file);
            Ok((name, found))
        })
        .collect();
    let list = serde_json::to_vec_pretty(&inputs?).map_err(std::io::Error::from)?;
    Ok(store.put(&list)?)
}

/// Whether all files of a list are there and unchanged.
pub(crate) fn unchanged(store: &ArtifactStore, root: &Path, list: &str) -> bool {
    let Ok(list) = store.get(list) else { return false };
    let Ok(inputs) = serde_json::from_slice::<Inputs>(&list) else { return false };
    inputs.iter().all(|(file, wanted)| {
        distri_files::read(&root.join(file), MAX_FILE).is_ok_and(|bytes| digest(&bytes) == *wanted)
    })
}

/// The bytes of a file that a package is built from.
///
/// # Errors
///
/// With its path, for what is no regular file, or too large.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>> {
    distri_files::read(file, MAX_FILE)
        .map_err(|error| BuildError::other(format!("cannot read `{}`: {error}", file.display())))
}

/// The same of a component, which must lie in the workspace at `root`, whatever links
/// lead to it.
pub(crate) fn read_within(root: &Path, file: &Path) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| {
        BuildError::other(format!("cannot read the component `{}`: {error}", file.display()))
    };
    let real = file.canonicalize().map_err(|error| failed(&error))?;
    let real_root = root.canonicalize().map_err(|error| failed(&error))?;
    let (Ok(below), Some(name)) =
        (real.strip_prefix(&real_root), real.file_name().and_then(|name| name.to_str()))
    else {
        return Err(failed(&format!("it leads to `{}`, outside the workspace", real.display())));
    };
    // No part of it is a link any more, or it was swapped since.
    let parent = below.parent().unwrap_or(Path::new(""));
    Folder::open(&real_root, parent, Guard::Workspace)
        .and_then(|folder| folder.read(name, MAX_FILE))
        .map_err(|error| failed(&error))
}

/// SHA-256 of texts, each told from the next.
pub(crate) fn digest_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = Vec::new();
    for text in texts {
        all.extend((text.len() as u64).to_le_bytes());
        all.extend(text.as_bytes());
    }
    digest(&all)
}
