//! Files of builds that were looked at, byte for byte, and are known again by what the
//! system says of them: a build that changes nothing reads none of them.

use std::collections::BTreeMap;
use std::io;

use distri_files::Stamp;
use serde::{Deserialize, Serialize};

use crate::ArtifactStore;

/// The file of what was seen. It is trusted with nothing: whoever uses a file of a build
/// looks at its digest.
pub(crate) const FILE: &str = "seen.json";

/// Most bytes of that file.
pub(crate) const MAX: u64 = 64 << 20;

/// What is known of the files of a workspace's builds.
#[derive(Debug, Default)]
pub struct Seen {
    before: Known,
    /// What was asked for since, and is there.
    now: Known,
    /// Whether what is known changed.
    changed: bool,
}

/// By digest, the files that its bytes are in.
type Known = BTreeMap<String, Vec<KnownFile>>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KnownFile {
    name: String,
    stamp: Stamp,
}

impl Seen {
    /// What earlier builds saw in this store.
    pub fn read(store: &ArtifactStore) -> Self {
        let before = store.read_seen().and_then(|text| serde_json::from_slice(&text).ok());
        Self { before: before.unwrap_or_default(), ..Self::default() }
    }

    /// Whether the bytes with this digest are kept, whole. They are read when they were
    /// not yet, or when their files were touched since.
    pub fn has(&mut self, store: &ArtifactStore, digest: &str) -> bool {
        if self.now.contains_key(digest) {
            return true;
        }
        let untouched = self.before.get(digest).filter(|files| {
            files.iter().all(|file| store.stamp(&file.name).as_ref() == Some(&file.stamp))
        });
        if let Some(files) = untouched {
            self.now.insert(digest.to_owned(), files.clone());
            return true;
        }
        // Their stamps from before they are read: what changes meanwhile is seen next time.
        let Some(names) = store.names(digest) else { return false };
        let stamps = names.into_iter().map(|name| {
            let stamp = store.stamp(&name)?;
            Some(KnownFile { name, stamp })
        });
        let Some(files) = stamps.collect::<Option<Vec<_>>>() else { return false };
        if !store.has(digest) {
            return false;
        }
        self.now.insert(digest.to_owned(), files);
        self.changed = true;
        true
    }

    /// Keeps what was asked for, for the next build; what nobody asked for is forgotten.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&mut self, store: &ArtifactStore) -> io::Result<()> {
        if self.changed {
            store.write_seen(&serde_json::to_vec(&self.now).map_err(io::Error::from)?)?;
            self.changed = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RUNTIME_FOLDER;

    #[test]
    fn what_was_seen_is_known_until_it_is_touched() {
        let root = tempfile::tempdir().unwrap();
        let store = ArtifactStore::of_workspace(root.path()).with_key_in(root.path().join("key"));
        let digest = store.put(b"component").unwrap();
        let mut seen = Seen::read(&store);
        assert!(seen.has(&store, &digest) && !seen.has(&store, &"0".repeat(64)));
        seen.write(&store).unwrap();
        let mut again = Seen::read(&store);
        assert!(again.has(&store, &digest) && !again.changed);
        // Nothing new: nothing is written.
        std::fs::remove_file(root.path().join(RUNTIME_FOLDER).join(FILE)).unwrap();
        again.write(&store).unwrap();
        assert!(Seen::read(&store).before.is_empty());

        // As long, and as old as before: but it was written to.
        let path = root.path().join(RUNTIME_FOLDER).join("blobs").join(&digest);
        let modified = path.metadata().unwrap().modified().unwrap();
        std::fs::write(&path, b"cOmponent").unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        let mut after = Seen { before: again.now, ..Seen::default() };
        assert!(!after.has(&store, &digest));
    }
}
