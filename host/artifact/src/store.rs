//! What a build leaves behind: components by their digest, and the catalog that
//! records what each package was built to. Under `.distri/runtime` of a workspace,
//! which a repository may bring: it is opened part by part, without following a
//! link, and nothing in it is trusted for lying there.

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use distri_call::digest::digest;
use distri_call::{Error, ErrorKind, Result};
use distri_files::{Folder, Guard, Stamp};

use crate::artifact::{Prover, is_digest};
use crate::key::CacheFolder;
use crate::parts::Part;
use crate::{Catalog, parts, seen};

/// The folder of a workspace for everything made at run time.
pub const RUNTIME_FOLDER: &str = ".distri/runtime";

/// How long a build's files stay after another build replaced them.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// Most bytes of a catalog: thousands of packages' records.
const MAX_CATALOG: u64 = 256 << 20;

/// Most bytes of one file of a build: four times what a component may have, unless
/// the host's limit on it was raised.
const MAX_BLOB: u64 = 256 << 20;

const CATALOG: &str = "catalog.json";

/// The name of a damaged catalog that was set aside.
const DAMAGED: &str = "catalog.damaged.json";

/// The folder of the files that are known by their digests.
const BLOBS: &str = "blobs";

/// What the names of parts end with, and of lists of them.
const PART: &str = ".part";
const LIST: &str = ".parts";

/// The runtime folder of one workspace.
#[derive(Debug, Clone)]
pub struct ArtifactStore {
    root: PathBuf,
    folder: PathBuf,
    /// Where the key is that proves records.
    key: CacheFolder,
}

impl ArtifactStore {
    /// The store of the workspace at `root`. Nothing is read or made yet.
    ///
    /// Its records are proven with the key in the user's cache folder,
    /// `distri/compiled`: those of another user, or of another workspace, are not used.
    pub fn of_workspace(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            folder: root.join(RUNTIME_FOLDER),
            key: CacheFolder::default(),
        }
    }

    /// The same with the key in this folder, which is made where it is missing and
    /// must be this user's alone: for a workspace that is built and run with different
    /// cache folders.
    #[must_use]
    pub fn with_key_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.key = CacheFolder::At(folder.into());
        self
    }

    /// The store of the workspace that `package` lies in: the nearest folder
    /// above it that holds a catalog.
    pub fn above(package: &Path) -> Option<Self> {
        let package = package.canonicalize().ok()?;
        package.ancestors().map(Self::of_workspace).find(|store| {
            store.open().is_ok_and(|folder| folder.is_some_and(|folder| folder.has(CATALOG)))
        })
    }

    /// The workspace's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder itself, for messages: what is in it is used through
    /// [`ArtifactStore::make`].
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder, and opens it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` with the path of a link in its place.
    pub fn make(&self) -> io::Result<Folder> {
        Folder::make(&self.root, Path::new(RUNTIME_FOLDER), Guard::Workspace)
    }

    /// The folder, if it is there.
    fn open(&self) -> io::Result<Option<Folder>> {
        present(Folder::open(&self.root, Path::new(RUNTIME_FOLDER), Guard::Workspace))
    }

    fn blobs(&self) -> io::Result<Option<Folder>> {
        let Some(folder) = self.open()? else { return Ok(None) };
        present(folder.open_in(BLOBS, Guard::Workspace))
    }

    fn prover(&self) -> Result<Prover> {
        Ok(Prover::new(self.key.open()?.1, &self.root))
    }

    /// The catalog; an empty one where nothing was built yet. Records that were not
    /// made by a build of this user's in this workspace are in [`Catalog::refused`].
    ///
    /// # Errors
    ///
    /// `invalid-component` with the file's name when it is damaged or of another
    /// format: `distri build` then writes it anew. `denied` for a link or anything
    /// else that is no file, in its place or on the way to it.
    pub fn catalog(&self) -> Result<Catalog> {
        let text = self.open().and_then(|folder| match folder {
            Some(folder) => present(folder.read_text(CATALOG, MAX_CATALOG)),
            None => Ok(None),
        });
        let path = self.folder.join(CATALOG);
        let damaged = |why: String| {
            let message = format!("the catalog `{}` {why}", path.display());
            Error::new(ErrorKind::InvalidComponent, message)
                .with_hint("run `distri build`: it sets the file aside and builds anew")
        };
        match text {
            Ok(Some(text)) => Catalog::read(&text, &self.prover()?).map_err(damaged),
            Ok(None) => Ok(Catalog::default()),
            Err(error) if is_unreadable(&error) => Err(damaged(format!("is damaged: {error}"))),
            Err(error) => Err(refused(&error)),
        }
    }

    /// Replaces the catalog, whole, with the proofs of its records.
    ///
    /// # Errors
    ///
    /// `internal` when it cannot be written; `invalid-component` with the package's
    /// name for a record that could not be read back.
    pub fn commit(&self, catalog: &Catalog) -> Result<()> {
        let text = catalog
            .write(&self.prover()?)
            .map_err(|why| Error::new(ErrorKind::InvalidComponent, why))?;
        let written = if text.len() as u64 > MAX_CATALOG {
            let message = format!("a catalog has {MAX_CATALOG} bytes at most");
            Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
        } else {
            self.make().and_then(|folder| folder.write(CATALOG, text.as_bytes()))
        };
        written.map_err(|error| refused(&error))
    }

    /// Moves a damaged catalog out of the way, and says where to.
    pub fn set_aside_catalog(&self) -> io::Result<PathBuf> {
        let folder = self.make()?;
        if folder.has(DAMAGED) {
            // Only what such a file is may be replaced by one.
            folder.file(DAMAGED)?;
        }
        folder.rename(CATALOG, DAMAGED)?;
        Ok(self.folder.join(DAMAGED))
    }

    /// Keeps bytes under their digest, and returns it.
    pub fn put(&self, bytes: &[u8]) -> io::Result<String> {
        if bytes.len() as u64 > MAX_BLOB {
            let message = format!("a file of a build has {MAX_BLOB} bytes at most");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let name = digest(bytes);
        let blobs = self.make()?.make_in(BLOBS, Guard::Workspace)?;
        let cut = parts::cut(bytes);
        if cut.is_empty() {
            keep(&blobs, &name, bytes)?;
            return Ok(name);
        }
        // First what the list needs.
        let (mut parts, mut rest) = (Vec::new(), Vec::new());
        let mut from = 0;
        for range in cut {
            rest.extend_from_slice(bytes.get(from..range.start).unwrap_or_default());
            let part = bytes.get(range.clone()).unwrap_or_default();
            let digest = digest(part);
            keep(&blobs, &part_name(&digest), part)?;
            parts.push(Part { at: rest.len(), length: part.len() as u64, digest });
            from = range.end;
        }
        rest.extend_from_slice(bytes.get(from..).unwrap_or_default());
        keep(&blobs, &list_name(&name), &parts::list(&parts, &rest)?)?;
        Ok(name)
    }

    /// Whether the bytes with this digest are kept, whole.
    pub fn has(&self, digest: &str) -> bool {
        self.get(digest).is_ok()
    }

    /// The bytes with this digest.
    ///
    /// # Errors
    ///
    /// `invalid-component` when they are missing or were changed: the next build
    /// makes them again.
    pub fn get(&self, wanted: &str) -> Result<Vec<u8>> {
        let bad = |what: &str| {
            let message = format!("a file that the build made {what}");
            Error::new(ErrorKind::InvalidComponent, message).with_hint("run `distri build`")
        };
        if !is_digest(wanted) {
            return Err(bad(&format!("cannot be found: {wanted:?} is not a digest")));
        }
        let bytes = match self.blobs().and_then(|blobs| match blobs {
            Some(blobs) => present(read_whole(&blobs, wanted)),
            None => Ok(None),
        }) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(bad("is missing")),
            Err(error) => return Err(bad(&format!("cannot be read: {error}"))),
        };
        if digest(&bytes) == wanted {
            return Ok(bytes);
        }
        // Whoever looked at it saw something else.
        if let Ok(Some(folder)) = self.open() {
            let _ = folder.remove(seen::FILE);
        }
        Err(bad("was changed"))
    }

    /// The files that the bytes with this digest are in; none when they are not there.
    pub(crate) fn names(&self, digest: &str) -> Option<Vec<String>> {
        let blobs = self.blobs().ok()??;
        if !is_digest(digest) {
            return None;
        }
        if blobs.size(digest).is_some() {
            return Some(vec![digest.to_owned()]);
        }
        let mut list = Vec::new();
        let file = blobs.file(&list_name(digest)).ok()?;
        file.take(parts::MAX_LIST).read_to_end(&mut list).ok()?;
        let parts = parts::read(&list)?.0.into_iter().map(|part| part_name(&part.digest));
        Some([list_name(digest)].into_iter().chain(parts).collect())
    }

    /// What the system says of one of those files.
    pub(crate) fn stamp(&self, name: &str) -> Option<Stamp> {
        self.blobs().ok()??.stamp(name)
    }

    /// What builds noted of files that they looked at.
    pub(crate) fn read_seen(&self) -> Option<Vec<u8>> {
        self.open().ok()??.read(seen::FILE, seen::MAX).ok()
    }

    pub(crate) fn write_seen(&self, text: &[u8]) -> io::Result<()> {
        self.make()?.write(seen::FILE, text)
    }

    /// The text with this digest.
    pub fn get_text(&self, wanted: &str) -> Result<String> {
        String::from_utf8(self.get(wanted)?).map_err(|error| {
            Error::new(ErrorKind::InvalidComponent, "a script that the build made is not UTF-8")
                .with_source(error)
        })
    }

    /// Removes the files that no package of the catalog needs and no build of the last
    /// hour made: a host that runs may not have read its plugins' code yet. What
    /// builds do not make there is left alone.
    pub fn sweep(&self, catalog: &Catalog) -> io::Result<()> {
        let Some(blobs) = self.blobs()? else { return Ok(()) };
        let mut old: Vec<String> = Vec::new();
        for entry in blobs.entries()? {
            let is_old = entry.modified.elapsed().is_ok_and(|age| age > KEPT_FOR);
            if entry.regular && is_old && is_made(&entry.name) {
                old.push(entry.name);
            }
        }
        if old.is_empty() {
            return Ok(());
        }
        let mut needed: HashSet<String> = HashSet::new();
        for digest in catalog.digests() {
            match self.names(digest) {
                Some(names) => needed.extend(names),
                None => needed.extend([digest.to_owned(), list_name(digest)]),
            }
        }
        for name in old.iter().filter(|name| !needed.contains(*name)) {
            blobs.remove(name)?;
        }
        Ok(())
    }
}

/// Keeps bytes in a file. One that is there may be damaged.
fn keep(blobs: &Folder, name: &str, bytes: &[u8]) -> io::Result<()> {
    if blobs.read(name, bytes.len() as u64).is_ok_and(|kept| kept == bytes) {
        return Ok(());
    }
    blobs.write(name, bytes)
}

/// The bytes of a file, or of a list and its parts.
fn read_whole(blobs: &Folder, digest: &str) -> io::Result<Vec<u8>> {
    match blobs.read(digest, MAX_BLOB) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "its list is damaged");
    let list = blobs.read(&list_name(digest), MAX_BLOB)?;
    let (parts, deflated) = parts::read(&list).ok_or_else(damaged)?;
    let length = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.length));
    let room = length.and_then(|length| MAX_BLOB.checked_sub(length)).ok_or_else(damaged)?;
    let rest = parts::inflate(deflated, room).ok_or_else(damaged)?;
    let mut bytes = Vec::new();
    let mut from = 0;
    for Part { at, length, digest } in parts {
        if !is_digest(&digest) {
            return Err(damaged());
        }
        bytes.extend_from_slice(rest.get(from..at).ok_or_else(damaged)?);
        bytes.extend(blobs.read(&part_name(&digest), length)?);
        from = at;
    }
    bytes.extend_from_slice(rest.get(from..).ok_or_else(damaged)?);
    Ok(bytes)
}

/// The file of a part that components share.
fn part_name(digest: &str) -> String {
    format!("{digest}{PART}")
}

/// The file of a component that is kept in parts.
fn list_name(digest: &str) -> String {
    format!("{digest}{LIST}")
}

/// Whether builds make files of this name.
fn is_made(name: &str) -> bool {
    let digest = [PART, LIST].iter().find_map(|kind| name.strip_suffix(kind)).unwrap_or(name);
    is_digest(digest) || Folder::is_unfinished(name)
}

/// None for what is not there.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a file is there and is no catalog; else it is no file, or is not to be had.
fn is_unreadable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge)
}

/// The error about a runtime folder that is not used.
fn refused(error: &io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::InvalidInput => ErrorKind::Denied,
        _ => ErrorKind::Internal,
    };
    let refused = Error::new(kind, error.to_string());
    if kind == ErrorKind::Denied {
        return refused.with_hint(format!(
            "remove it: `distri build` makes everything below `{RUNTIME_FOLDER}`"
        ));
    }
    refused
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn store(root: &Path) -> ArtifactStore {
        ArtifactStore::of_workspace(root).with_key_in(root.join("key"))
    }

    fn blob(root: &Path, name: &str) -> PathBuf {
        root.join(RUNTIME_FOLDER).join(BLOBS).join(name)
    }

    #[test]
    fn a_changed_blob_is_noticed_and_mended() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let name = store.put(b"component").unwrap();
        let path = blob(root.path(), &name);
        assert_eq!(store.get(&name).unwrap(), b"component");
        for bad in [b"".as_slice(), b"comp", b"otherness", b"component and more"] {
            std::fs::write(&path, bad).unwrap();
            assert!(!store.has(&name));
            assert_eq!(store.get(&name).unwrap_err().kind(), ErrorKind::InvalidComponent);
            store.put(b"component").unwrap();
            assert_eq!(store.get(&name).unwrap(), b"component");
        }
        // A link to the very bytes is none of ours.
        std::fs::rename(&path, root.path().join("elsewhere")).unwrap();
        symlink(root.path().join("elsewhere"), &path).unwrap();
        assert!(!store.has(&name));
        store.put(b"component").unwrap();
        assert!(path.symlink_metadata().unwrap().is_file());
    }

    /// A module with code that all of these have, and this byte of its own.
    fn module(own: u8) -> Vec<u8> {
        [parts::tests::module(100 << 10), vec![0, 3, 1, b'n', own]].concat()
    }

    #[test]
    fn code_that_components_share_is_kept_once_and_mended() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let modules = [1, 2].map(module);
        let digests = modules.each_ref().map(|wasm| store.put(wasm).unwrap());
        let files = || {
            let blobs = std::fs::read_dir(root.path().join(RUNTIME_FOLDER).join(BLOBS)).unwrap();
            blobs.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
        };
        assert_eq!(files().len(), 3, "two lists and one part: {:?}", files());
        for (digest, wasm) in digests.iter().zip(&modules) {
            assert_eq!(&store.get(digest).unwrap(), wasm);
        }
        for path in files() {
            let good = std::fs::read(&path).unwrap();
            for bad in [&good[..good.len() - 1], b"", &[good.as_slice(), b"x"].concat()] {
                std::fs::write(&path, bad).unwrap();
                let broken = digests.iter().filter(|digest| !store.has(digest)).count();
                let shared = path.extension().is_some_and(|found| found == "part");
                // What is behind the end of what was deflated is nobody's.
                let appended = bad.len() > good.len() && !shared;
                assert_eq!(broken, if shared { 2 } else { usize::from(!appended) });
                for wasm in &modules {
                    store.put(wasm).unwrap();
                }
                assert!(digests.iter().all(|digest| store.has(digest)));
            }
        }
        // What one of them has no need of any more, the other may have.
        for path in files() {
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::now() - KEPT_FOR * 2).unwrap();
        }
        store.sweep(&Catalog::default()).unwrap();
        assert!(files().is_empty());
    }

    #[test]
    fn a_list_leads_nowhere_else_and_to_no_more_than_a_file_may_have() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let wanted = store.put(&module(1)).unwrap();
        let list = blob(root.path(), &format!("{wanted}{LIST}"));
        let good = std::fs::read(&list).unwrap();
        let (parts, rest) = parts::read(&good).unwrap();
        let digest = parts[0].digest.clone();
        let with = |at: usize, length: u64, digest: &str| {
            let part = Part { at, length, digest: digest.to_owned() };
            let rest = parts::inflate(rest, 1 << 20).unwrap();
            std::fs::write(&list, parts::list(&[part], &rest).unwrap()).unwrap();
            store.get(&wanted).unwrap_err().to_string()
        };
        for (at, length, digest) in [
            (0, u64::MAX, &*digest),
            (0, MAX_BLOB + 1, &digest),
            (usize::MAX, 1 << 20, &digest),
            (0, 1 << 20, "../../../../etc/passwd"),
            (0, 1 << 20, ""),
        ] {
            let said = with(at, length, digest);
            assert!(said.contains("its list is damaged"), "{said}");
        }
        assert!(with(0, 10, &digest).contains("more than"), "longer than its list says");
    }

    #[test]
    fn a_damaged_catalog_is_named() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        assert_eq!(store.catalog().unwrap(), Catalog::default());
        store.commit(&Catalog::default()).unwrap();
        assert_eq!(store.catalog().unwrap(), Catalog::default());
        let path = store.folder().join(CATALOG);
        for bad in [b"".as_slice(), b"{", b"{\"schema\":99,\"packages\":{}}", b"\xff"] {
            std::fs::write(&path, bad).unwrap();
            let error = store.catalog().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidComponent);
            assert!(error.message().contains("catalog.json"), "{error}");
        }
        // Of four gigabytes nothing is read.
        std::fs::File::options().write(true).open(&path).unwrap().set_len(4 << 30).unwrap();
        assert!(store.catalog().unwrap_err().message().contains("has more than"));
        store.set_aside_catalog().unwrap();
        assert_eq!(store.catalog().unwrap(), Catalog::default());
    }

    #[test]
    fn links_in_the_runtime_folder_are_refused_by_name() {
        let outside = tempfile::tempdir().unwrap();
        let file = outside.path().join("file");
        for at in
            [".distri", ".distri/runtime", ".distri/runtime/blobs", ".distri/runtime/catalog.json"]
        {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join(at);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&file, "kept").unwrap();
            symlink(if at.ends_with("json") { &file } else { outside.path() }, &path).unwrap();
            let store = store(root.path());
            let named =
                |words: &str| assert!(words.contains(&format!("{at}` is a link")), "{words}");
            if at.ends_with("blobs") {
                named(&store.put(b"x").unwrap_err().to_string());
                named(&store.sweep(&Catalog::default()).unwrap_err().to_string());
            } else {
                let error = store.catalog().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Denied);
                named(error.message());
            }
            if !at.contains("catalog") && !at.ends_with("blobs") {
                named(store.commit(&Catalog::default()).unwrap_err().message());
                named(&store.put(b"x").unwrap_err().to_string());
            }
            assert_eq!(std::fs::read(&file).unwrap(), b"kept");
            assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1, "{at}");
        }
    }

    #[test]
    fn only_what_builds_make_is_swept() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let name = store.put(b"old").unwrap();
        let (old, note) = (blob(root.path(), &name), blob(root.path(), "note.txt"));
        std::fs::write(&note, "mine").unwrap();
        for path in [&old, &note] {
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::now() - KEPT_FOR * 2).unwrap();
        }
        store.sweep(&Catalog::default()).unwrap();
        assert!(!old.exists() && note.exists());
    }
}
