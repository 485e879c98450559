//! Compiled code in the user's cache folder.
//!
//! Compiled code is trusted code. Every file is authenticated with a key that
//! lives beside it, in a folder that only its user may enter; whoever can write
//! there as that user could change the program itself. A file that does not
//! authenticate is compiled anew.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes of images that are kept, unless the embedder says otherwise.
const IMAGES_CAP: u64 = 1 << 30;

/// How the names of files begin that are still being written.
const UNFINISHED: &str = ".new-";

/// The age at which nobody is writing such a file any more.
const ABANDONED: Duration = Duration::from_hours(1);

/// Bytes of the HMAC-SHA256 at the end of every file.
const MAC_LEN: usize = 32;

/// Bytes of a file that are looked at together: little enough for the stack.
const PART: usize = 16 << 10;

/// The user's folder of compiled code.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
    cap: u64,
}

impl Cache {
    /// Opens the folder, making it and its key if need be.
    pub(crate) fn open(folder: &Path, cap: Option<u64>) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let key = read_key(&folder.join("key"))?;
        Ok(Self { folder: folder.to_owned(), key, cap: cap.unwrap_or(IMAGES_CAP) })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes of images that it may hold.
    pub(crate) fn size(&self) -> u64 {
        self.cap
    }

    fn mac(&self, name: &str) -> Hmac<Sha256> {
        // The key has the length that the algorithm wants; every length is valid.
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(&self.key).unwrap_or_else(|_| unreachable!());
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac
    }

    /// The bytes of the file `name`, if it is there and authentic.
    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = std::fs::read(self.folder.join(name)).ok()?;
        let body = bytes.len().checked_sub(MAC_LEN)?;
        let mut mac = self.mac(name);
        mac.update(&bytes[..body]);
        mac.verify_slice(&bytes[body..]).ok()?;
        bytes.truncate(body);
        Some(bytes)
    }

    /// The file `name` itself, if it is there and authentic. Its bytes are looked
    /// at, a part at a time, and not kept.
    fn open_authentic(&self, name: &str) -> Option<File> {
        let mut file = File::open(self.folder.join(name)).ok()?;
        let mut left = file.metadata().ok()?.len().checked_sub(MAC_LEN as u64)?;
        let mut mac = self.mac(name);
        let mut part = [0; PART];
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(PART).min(PART);
            file.read_exact(&mut part[..wanted]).ok()?;
            mac.update(&part[..wanted]);
            left -= wanted as u64;
        }
        let mut found = [0; MAC_LEN];
        file.read_exact(&mut found).ok()?;
        mac.verify_slice(&found).ok()?;
        Some(file)
    }

    /// Writes `name` beside itself and renames it: readers see the old file or
    /// the new one.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut mac = self.mac(name);
        mac.update(bytes);
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.write_all(&mac.finalize().into_bytes())?;
        file.persist(self.folder.join(name))?;
        Ok(())
    }

    /// The compiled image of the component with this digest, if it is there.
    pub(crate) fn image(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let file = self.open_authentic(&image_name(engine, digest))?;
        // When it was last used, for `sweep`.
        let _ = file.set_modified(SystemTime::now());
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        // SAFETY: the bytes behind this descriptor were written by `put_image`:
        // they authenticate with this user's key under this engine's name. The
        // file is never written in place, so that the mapping keeps its content.
        unsafe { Component::deserialize_file(engine, path) }.ok()
    }

    /// Whether an image is there; it may still not authenticate.
    pub(crate) fn has_image(&self, engine: &Engine, digest: &str) -> bool {
        self.folder.join(image_name(engine, digest)).exists()
    }

    /// Keeps a compiled image.
    pub(crate) fn put_image(&self, component: &Component, digest: &str) -> wasmtime::Result<()> {
        let bytes = component.serialize()?;
        self.write(&image_name(component.engine(), digest), &bytes)?;
        self.sweep(self.cap)?;
        Ok(())
    }

    /// Removes the images that were used longest ago, until the rest takes less
    /// than `cap` bytes, and what writers that were killed left. A process that
    /// has an image mapped keeps it.
    fn sweep(&self, cap: u64) -> io::Result<()> {
        let mut images = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let modified = entry.metadata().and_then(|metadata| metadata.modified());
                let age = modified.ok().and_then(|modified| modified.elapsed().ok());
                if age.is_some_and(|age| age > ABANDONED) {
                    let _ = std::fs::remove_file(entry.path());
                }
                continue;
            }
            if entry.path().extension().is_some_and(|extension| extension == "cwasm") {
                // Another process may be sweeping too.
                let Ok(metadata) = entry.metadata() else { continue };
                images.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        images.sort_unstable_by(|a, b| b.cmp(a));
        let mut total = 0;
        for (_, size, path) in images {
            total += size;
            if total > cap {
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }
}

/// Component digest, wasmtime version and engine settings.
fn image_name(engine: &Engine, digest: &str) -> String {
    format!("{digest}-{}.cwasm", engine_name(engine))
}

/// A short name for everything about an engine that compiled code depends on.
fn engine_name(engine: &Engine) -> String {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut sha = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut sha);
    hex(&sha.0.finalize()[..8])
}

/// SHA-256 in lower-case hexadecimal: what components and other files of a build
/// are known by.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads the key, or makes one. Two processes that make one at the same time
/// end up with the same.
fn read_key(path: &Path) -> io::Result<[u8; 32]> {
    for _ in 0..2 {
        match std::fs::read(path) {
            Ok(bytes) => {
                if let Ok(key) = <[u8; 32]>::try_from(bytes) {
                    return Ok(key);
                }
                // Damaged: what it authenticated is compiled anew.
                std::fs::remove_file(path)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut key = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".key-").tempfile_in(folder)?;
        file.write_all(&key)?;
        match file.persist_noclobber(path) {
            Ok(_) => return Ok(key),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error),
        }
    }
    Err(io::Error::other("the key of the cache keeps changing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("cache"), None).unwrap();
        (folder, cache)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (_folder, cache) = cache();
        cache.write("a", b"code").unwrap();
        assert_eq!(cache.read("a").unwrap(), b"code");
        let again = Cache::open(&cache.folder, None).unwrap();
        assert_eq!(again.read("a").unwrap(), b"code");
        let long = vec![7; 3 * PART + 5];
        cache.write("b", &long).unwrap();
        assert_eq!(cache.read("b").unwrap(), long);
        assert!(cache.open_authentic("b").is_some());
    }

    #[test]
    fn the_images_used_longest_ago_go_first() {
        let (_folder, cache) = cache();
        let names = ["a.cwasm", "b.cwasm", "c.cwasm"];
        for (age, name) in names.iter().enumerate() {
            cache.write(name, &[0; 100]).unwrap();
            let file = File::options().write(true).open(cache.folder.join(name)).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(age as u64 * 60))
                .unwrap();
        }
        let abandoned = cache.folder.join(".new-abandoned");
        let file = File::create(&abandoned).unwrap();
        file.set_modified(SystemTime::now() - ABANDONED * 2).unwrap();
        cache.sweep(300).unwrap();
        assert!(!abandoned.exists());
        let there = names.map(|name| cache.read(name).is_some());
        assert_eq!(there, [true, true, false]);
        assert!(cache.folder.join("key").is_file());
    }

    #[test]
    fn a_changed_or_renamed_file_is_not_taken() {
        let (_folder, cache) = cache();
        cache.write("a", b"code").unwrap();
        let path = cache.folder.join("a");
        std::fs::copy(&path, cache.folder.join("b")).unwrap();
        assert!(cache.read("b").is_none());
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert!(cache.read("a").is_none(), "byte {at}");
            assert!(cache.open_authentic("a").is_none(), "byte {at}");
        }
        std::fs::write(&path, &good[..10]).unwrap();
        assert!(cache.read("a").is_none());
    }
}
