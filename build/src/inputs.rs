//! What a build was made of, to know when it need not be made again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distri_host::{ArtifactStore, digest};

use crate::Result;

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
            let found = digest(&std::fs::read(&file)?);
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
        std::fs::read(root.join(file)).is_ok_and(|bytes| digest(&bytes) == *wanted)
    })
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
