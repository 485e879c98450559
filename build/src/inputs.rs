//! What a build was made of, to know when it need not be made again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distri_host::digest;

use crate::Result;

/// SHA-256 of each file, by its path relative to `root` where it lies in it.
pub(crate) fn digests(
    root: &Path,
    files: impl IntoIterator<Item = PathBuf>,
) -> Result<BTreeMap<PathBuf, String>> {
    files
        .into_iter()
        .map(|file| {
            let found = digest(&std::fs::read(&file)?);
            let name = file.strip_prefix(root).map(Path::to_owned).unwrap_or(file);
            Ok((name, found))
        })
        .collect()
}

/// Whether all files are there and unchanged.
pub(crate) fn unchanged(root: &Path, inputs: &BTreeMap<PathBuf, String>) -> bool {
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
