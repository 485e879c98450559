//! What a build was made of, to know when it need not be made again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::Result;

/// SHA-256 of each file, by its path relative to `root` where it lies in it.
pub(crate) fn digests(
    root: &Path,
    files: impl IntoIterator<Item = PathBuf>,
) -> Result<BTreeMap<PathBuf, String>> {
    files
        .into_iter()
        .map(|file| {
            let digest = digest_of_bytes(&std::fs::read(&file)?);
            let name = file.strip_prefix(root).map(Path::to_owned).unwrap_or(file);
            Ok((name, digest))
        })
        .collect()
}

/// Whether all files are there and unchanged.
pub(crate) fn unchanged(root: &Path, inputs: &BTreeMap<PathBuf, String>) -> bool {
    inputs.iter().all(|(file, digest)| {
        std::fs::read(root.join(file)).is_ok_and(|bytes| digest_of_bytes(&bytes) == *digest)
    })
}

/// SHA-256 of texts in order.
pub(crate) fn digest_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut sha = Sha256::new();
    for text in texts {
        sha.update((text.len() as u64).to_le_bytes());
        sha.update(text);
    }
    hex(&sha.finalize())
}

/// SHA-256 of bytes.
pub(crate) fn digest_of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
