//! Compiled code in the user's cache folder: images of components, and the
//! functions that wasmtime's incremental compilation reuses.
//!
//! Compiled code is trusted code. Every file is authenticated with a key that
//! lives beside it, in a folder that only its user may enter; whoever can write
//! there as that user could change the program itself. A file that does not
//! authenticate is compiled anew.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Bytes of the HMAC-SHA256 at the end of every file.
const MAC_LEN: usize = 32;

/// Bytes of reusable functions that are kept. The TypeScript engine takes about
/// a tenth of it; past this the collection starts anew.
const FUNCTIONS_CAP: usize = 128 << 20;

/// The user's folder of compiled code.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
}

impl Cache {
    /// Opens the folder, making it and its key if need be.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let key = read_key(&folder.join("key"))?;
        Ok(Self { folder: folder.to_owned(), key })
    }

    fn mac(&self, name: &str) -> Hmac<Sha256> {
        // The key has the length that the algorithm wants; every length is valid.
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(&self.key).unwrap_or_else(|_| unreachable!());
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac
    }

    /// The file `name` if it is there and authentic.
    fn read(&self, name: &str) -> Option<(File, Vec<u8>)> {
        let mut file = File::open(self.folder.join(name)).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let body = bytes.len().checked_sub(MAC_LEN)?;
        let mut mac = self.mac(name);
        mac.update(&bytes[..body]);
        mac.verify_slice(&bytes[body..]).ok()?;
        bytes.truncate(body);
        Some((file, bytes))
    }

    /// Writes `name` beside itself and renames it: readers see the old file or
    /// the new one.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut mac = self.mac(name);
        mac.update(bytes);
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.write_all(&mac.finalize().into_bytes())?;
        file.persist(self.folder.join(name))?;
        Ok(())
    }

    /// The compiled image of the component with this digest, if it is there.
    pub(crate) fn image(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let (file, _) = self.read(&image_name(engine, digest))?;
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

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
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

/// Compiled functions by the hash of what they were compiled from, for
/// wasmtime's incremental compilation. In memory only while something compiles.
#[derive(Debug)]
pub(crate) struct FunctionCache {
    cache: Arc<Cache>,
    open: Mutex<Functions>,
}

#[derive(Debug, Default)]
struct Functions {
    /// Compilations under way.
    users: usize,
    entries: HashMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
    changed: bool,
}

/// The file of reusable functions. Its entries' keys already contain compiler
/// version and settings.
const FUNCTIONS_FILE: &str = concat!("functions-", env!("CARGO_PKG_VERSION"), ".pack");

impl FunctionCache {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        Self { cache, open: Mutex::default() }
    }

    /// Runs a compilation with the collection in memory, and keeps what it added.
    pub(crate) fn during<T>(&self, compile: impl FnOnce() -> T) -> T {
        {
            let mut open = self.lock();
            if open.users == 0 {
                *open = self.load();
            }
            open.users += 1;
        }
        let result = compile();
        let mut open = self.lock();
        open.users -= 1;
        if open.users == 0 {
            let functions = std::mem::take(&mut *open);
            drop(open);
            if functions.changed
                && let Err(error) = self.save(&functions)
            {
                tracing::warn!(%error, "compiled functions are not kept");
            }
        }
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Functions> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self) -> Functions {
        let mut functions = Functions::default();
        let Some((_, bytes)) = self.cache.read(FUNCTIONS_FILE) else { return functions };
        functions.bytes = bytes.len();
        let mut rest = bytes.as_slice();
        while let Some((key, after)) = take_field(rest)
            && let Some((value, after)) = take_field(after)
        {
            functions.entries.insert(key.to_vec(), value.to_vec());
            rest = after;
        }
        functions
    }

    fn save(&self, functions: &Functions) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(functions.bytes);
        for (key, value) in &functions.entries {
            for field in [key, value] {
                let length = u32::try_from(field.len()).map_err(io::Error::other)?;
                bytes.extend_from_slice(&length.to_le_bytes());
                bytes.extend_from_slice(field);
            }
        }
        self.cache.write(FUNCTIONS_FILE, &bytes)
    }
}

/// A field with its length in front.
fn take_field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

impl wasmtime::CacheStore for FunctionCache {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.lock().entries.get(key).map(|value| Cow::Owned(value.clone()))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let mut open = self.lock();
        if open.users == 0 {
            return false;
        }
        if open.bytes > FUNCTIONS_CAP {
            open.entries.clear();
            open.bytes = 0;
        }
        open.bytes += key.len() + value.len() + 8;
        open.changed = true;
        open.entries.insert(key.to_vec(), value);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("cache")).unwrap();
        (folder, cache)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (_folder, cache) = cache();
        cache.write("a", b"code").unwrap();
        assert_eq!(cache.read("a").unwrap().1, b"code");
        let again = Cache::open(&cache.folder).unwrap();
        assert_eq!(again.read("a").unwrap().1, b"code");
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
        }
        std::fs::write(&path, &good[..10]).unwrap();
        assert!(cache.read("a").is_none());
    }

    #[test]
    fn functions_survive_only_authentic() {
        use wasmtime::CacheStore as _;
        let (_folder, cache) = cache();
        let cache = Arc::new(cache);
        let functions = FunctionCache::new(Arc::clone(&cache));
        functions.during(|| assert!(functions.insert(b"key", b"value".to_vec())));
        assert!(functions.get(b"key").is_none(), "nothing stays in memory");
        functions
            .during(|| assert_eq!(functions.get(b"key").as_deref(), Some(b"value".as_slice())));
        std::fs::write(cache.folder.join(FUNCTIONS_FILE), b"garbage").unwrap();
        functions.during(|| assert!(functions.get(b"key").is_none()));
    }
}
