//! Compiled code in the user's cache folder.
//!
//! Compiled code is trusted code. Every file is authenticated with a key that
//! lives beside it, in a folder that only its user may enter; whoever can write
//! there as that user could change the program itself. A file that does not
//! authenticate is compiled anew.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use distri_artifact::key::{CacheFolder, Key};
use distri_call::digest::hex;
use distri_call::{Error, ErrorKind};
use distri_files::Folder;
use hmac::Mac;
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// Bytes of images that are kept, unless the embedder says otherwise.
const IMAGES_CAP: u64 = 1 << 30;

/// What was used so lately stays, past the bound up to twice as much: the build or the host
/// that used it is likely to be about to use it again.
const IN_USE: Duration = Duration::from_mins(10);

/// The age at which nobody is writing an unfinished file any more.
const ABANDONED: Duration = Duration::from_hours(1);

/// Bytes of the HMAC-SHA256 at the end of every file.
const MAC_LEN: usize = 32;

/// Bytes of a digest, in hexadecimal.
const DIGEST_LEN: usize = 64;

/// Bytes of a file that are looked at together: little enough for the stack.
const PART: usize = 16 << 10;

/// Most bytes of a file that is read whole: several times what is kept of compiled
/// functions.
const MAX_READ: u64 = 1 << 30;

/// A folder of compiled code.
#[derive(Debug)]
pub struct Cache {
    folder: Folder,
    key: Key,
    cap: u64,
    place: CacheFolder,
    /// Bytes that may be written before the folder is looked at again; none when it was not
    /// yet. What other processes write is seen then.
    room: Mutex<Option<u64>>,
}

impl Cache {
    /// Opens the folder, making it and its key if need be.
    ///
    /// # Errors
    ///
    /// `internal` with the folder's path where it is not this user's alone.
    pub fn open(place: &CacheFolder, cap: Option<u64>) -> Result<Self, Error> {
        let (folder, key) = place.open()?;
        let cap = cap.unwrap_or(IMAGES_CAP);
        Ok(Self { folder, key, cap, place: place.clone(), room: Mutex::default() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Bytes of images that it may hold.
    pub fn size(&self) -> u64 {
        self.cap
    }

    /// What to do about a folder that takes nothing.
    pub fn hint(&self) -> &'static str {
        self.place.hint()
    }

    /// The error about compiled code that could not be kept.
    pub fn not_kept(&self, error: &io::Error) -> Error {
        let message =
            format!("cannot keep compiled code in `{}`: {error}", self.folder().display());
        Error::new(ErrorKind::Internal, message).with_hint(self.hint())
    }

    /// The bytes of the file `name`, if it is there and authentic.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        self.folder.own_file(name).ok()?.take(MAX_READ).read_to_end(&mut bytes).ok()?;
        let body = bytes.len().checked_sub(MAC_LEN)?;
        let mut mac = self.key.mac(name);
        mac.update(&bytes[..body]);
        mac.verify_slice(&bytes[body..]).ok()?;
        bytes.truncate(body);
        Some(bytes)
    }

    /// The file `name` itself, if it is there and authentic. Its bytes are looked
    /// at, a part at a time, and not kept.
    fn open_authentic(&self, name: &str) -> Option<File> {
        let mut file = self.folder.own_file(name).ok()?;
        let mut left = file.metadata().ok()?.len().checked_sub(MAC_LEN as u64)?;
        let mut mac = self.key.mac(name);
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
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut mac = self.key.mac(name);
        mac.update(bytes);
        self.folder.write_anew(name, &[bytes, &mac.finalize().into_bytes()])
    }

    /// The compiled image of the component with this digest, if it is there.
    pub fn image(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let file = self.open_authentic(&image_name(engine, digest))?;
        used(&file);
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        // SAFETY: the bytes behind this descriptor were written by `put_image`:
        // they authenticate with this user's key under this engine's name. The
        // file is never written in place, so that the mapping keeps its content.
        unsafe { Component::deserialize_file(engine, path) }.ok()
    }

    /// The compiled state of the component with this digest, if it is there, and the
    /// digest of its skeleton.
    pub fn state(&self, engine: &Engine, digest: &str) -> Option<(Module, String)> {
        let file = self.open_authentic(&state_name(engine, digest))?;
        used(&file);
        let skeleton = skeleton_of(&file)?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        // SAFETY: as in `image`, and written by `put_state`.
        let module = unsafe { Module::deserialize_file(engine, path) }.ok()?;
        Some((module, skeleton))
    }

    /// Whether code of this user's is there, whole or in both its parts; it may still not
    /// authenticate. Who asks means to use it: it counts as used.
    pub fn has_code(&self, engine: &Engine, digest: &str) -> bool {
        self.has_image(engine, digest)
            || self.folder.own_file(&state_name(engine, digest)).is_ok_and(|file| {
                used(&file);
                skeleton_of(&file).is_some_and(|skeleton| self.has_image(engine, &skeleton))
            })
    }

    /// Whether an image is there, which counts as used then.
    pub fn has_image(&self, engine: &Engine, digest: &str) -> bool {
        self.folder.own_file(&image_name(engine, digest)).map(|file| used(&file)).is_ok()
    }

    /// Keeps the compiled state of a component, and which skeleton it belongs to.
    pub fn put_state(&self, state: &Module, digest: &str, skeleton: &str) -> io::Result<()> {
        let mut bytes = state.serialize().map_err(io::Error::other)?;
        bytes.extend_from_slice(skeleton.as_bytes());
        self.write(&state_name(state.engine(), digest), &bytes)?;
        self.make_room(bytes.len() as u64)
    }

    /// Keeps a compiled image.
    pub fn put_image(&self, component: &Component, digest: &str) -> io::Result<()> {
        let bytes = component.serialize().map_err(io::Error::other)?;
        self.write(&image_name(component.engine(), digest), &bytes)?;
        self.make_room(bytes.len() as u64)
    }

    /// Sweeps once as much was written as there was room for; each process looks at the
    /// folder after a sixteenth of the bound at the latest.
    fn make_room(&self, written: u64) -> io::Result<()> {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        *room = match room.and_then(|room| room.checked_sub(written)) {
            Some(room) => Some(room),
            None => Some(self.cap.saturating_sub(self.sweep(self.cap)?).min(self.cap / 16)),
        };
        Ok(())
    }

    /// Removes the images that were used longest ago, until the rest takes no more than
    /// `cap` bytes, or twice as much for those in use; and what writers that were killed
    /// left. A process that has an image mapped keeps it. Returns what the rest takes.
    fn sweep(&self, cap: u64) -> io::Result<u64> {
        let mut images = Vec::new();
        for entry in self.folder.entries()? {
            if Folder::is_unfinished(&entry.name) {
                if entry.modified.elapsed().is_ok_and(|age| age > ABANDONED) {
                    let _ = self.folder.remove(&entry.name);
                }
            } else if Path::new(&entry.name).extension().is_some_and(|found| found == "cwasm") {
                images.push((entry.modified, entry.size, entry.name));
            }
        }
        images.sort_unstable_by(|a, b| b.cmp(a));
        let mut total = 0_u64;
        for (modified, size, name) in images {
            let in_use = modified.elapsed().is_ok_and(|age| age < IN_USE);
            let most = if in_use { cap.saturating_mul(2) } else { cap };
            if total.saturating_add(size) <= most {
                total += size;
            } else {
                // Another process may be sweeping too.
                let _ = self.folder.remove(&name);
            }
        }
        Ok(total)
    }
}

/// Marks an image as used now, for `sweep`.
fn used(file: &File) {
    // One that cannot be marked only goes earlier.
    let _ = file.set_modified(SystemTime::now());
}

/// Component digest, wasmtime version and engine settings.
fn image_name(engine: &Engine, digest: &str) -> String {
    format!("{digest}-{}.cwasm", engine_name(engine))
}

/// The name of a component's state.
fn state_name(engine: &Engine, digest: &str) -> String {
    format!("{digest}-{}.state.cwasm", engine_name(engine))
}

/// The digest of the skeleton that a state says it belongs to.
fn skeleton_of(state: &File) -> Option<String> {
    let behind = (DIGEST_LEN + MAC_LEN) as u64;
    let at = state.metadata().ok()?.len().checked_sub(behind)?;
    let mut digest = [0; DIGEST_LEN];
    state.read_exact_at(&mut digest, at).ok()?;
    let digest = String::from_utf8(digest.to_vec()).ok()?;
    // It becomes a part of a file's name.
    digest.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digest)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path) -> Result<Cache, Error> {
        Cache::open(&CacheFolder::At(folder.to_owned()), None)
    }

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = open(&folder.path().join("cache")).unwrap();
        (folder, cache)
    }

    #[test]
    fn a_folder_or_key_that_others_may_have_made_is_refused_by_name() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let (folder, cache) = cache();
        cache.write("a", b"code").unwrap();
        let path = cache.folder().to_owned();
        let refused = |words: &str| {
            let error = open(&path).unwrap_err();
            assert!(error.message().contains(words), "{error}");
            assert!(error.message().contains(path.to_str().unwrap()), "{error}");
        };
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&path, 0o777);
        refused("may be written by others");
        set(&path, 0o700);
        set(&path.join("key"), 0o622);
        refused("may be written by others");
        // One file of somebody else's is not taken, and is made anew.
        set(&path.join("key"), 0o600);
        set(&path.join("a"), 0o606);
        assert!(cache.read("a").is_none() && cache.open_authentic("a").is_none());
        cache.write("a", b"code").unwrap();
        let there = folder.path().join("there");
        std::fs::rename(path.join("a"), &there).unwrap();
        symlink(&there, path.join("a")).unwrap();
        assert!(cache.read("a").is_none() && cache.open_authentic("a").is_none());

        std::fs::rename(path.join("key"), &there).unwrap();
        symlink(&there, path.join("key")).unwrap();
        refused("is a link");
        let elsewhere = folder.path().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        refused("is a link");
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let (_folder, cache) = cache();
        // Only root can play another user.
        if std::os::unix::fs::chown(cache.folder(), Some(65534), None).is_ok() {
            let error = open(cache.folder()).unwrap_err();
            assert!(error.message().contains("belongs to the user 65534"), "{error}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (_folder, cache) = cache();
        cache.write("a", b"code").unwrap();
        assert_eq!(cache.read("a").unwrap(), b"code");
        let again = open(cache.folder()).unwrap();
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
            let file = File::options().write(true).open(cache.folder().join(name)).unwrap();
            let age = IN_USE * (1 + u32::try_from(age).unwrap());
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        let abandoned = cache.folder().join(".new-abandoned");
        let file = File::create(&abandoned).unwrap();
        file.set_modified(SystemTime::now() - ABANDONED * 2).unwrap();
        assert_eq!(cache.sweep(300).unwrap(), 2 * (100 + MAC_LEN as u64));
        assert!(!abandoned.exists());
        let there = names.map(|name| cache.read(name).is_some());
        assert_eq!(there, [true, true, false]);
        assert!(cache.folder().join("key").is_file());
    }

    #[test]
    fn what_was_just_used_stays_up_to_twice_the_bound() {
        let (_folder, cache) = cache();
        let each = 100 + MAC_LEN as u64;
        for number in 0..5 {
            cache.write(&format!("{number}.cwasm"), &[0; 100]).unwrap();
        }
        assert_eq!(cache.sweep(5 * each / 2).unwrap(), 5 * each);
        assert_eq!(cache.sweep(2 * each).unwrap(), 4 * each);
    }

    #[test]
    fn the_folder_is_looked_at_when_its_room_is_used_up() {
        let folder = tempfile::tempdir().unwrap();
        let place = CacheFolder::At(folder.path().join("cache"));
        let cache = Cache::open(&place, Some(3200)).unwrap();
        for number in 0..100 {
            let name = format!("{number}.cwasm");
            cache.write(&name, &[0; 100]).unwrap();
            let file = File::options().write(true).open(cache.folder().join(&name)).unwrap();
            file.set_modified(SystemTime::now() - IN_USE * 2).unwrap();
            cache.make_room(100 + MAC_LEN as u64).unwrap();
        }
        let left = cache.folder.entries().unwrap().iter().map(|entry| entry.size).sum::<u64>();
        assert!(left <= 3200 + 3200 / 16 + 200, "{left}");
    }

    #[test]
    fn an_image_that_a_build_found_stays_for_the_call() {
        let (_folder, cache) = cache();
        let engine = Engine::default();
        let old = image_name(&engine, "old");
        cache.write(&old, &[0; 100]).unwrap();
        let file = File::options().write(true).open(cache.folder().join(&old)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_hours(1)).unwrap();
        cache.write("new.cwasm", &[0; 100]).unwrap();
        assert!(cache.has_image(&engine, "old") && !cache.has_image(&engine, "none"));
        cache.sweep(100).unwrap();
        assert!(cache.read(&old).is_some() && cache.read("new.cwasm").is_none());
    }

    #[test]
    fn a_changed_or_renamed_file_is_not_taken() {
        let (_folder, cache) = cache();
        cache.write("a", b"code").unwrap();
        let path = cache.folder().join("a");
        std::fs::copy(&path, cache.folder().join("b")).unwrap();
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
