//! Compiled functions that wasmtime's incremental compilation reuses: those of a component
//! that changed a little, and those of an engine that comes in another form.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cache::Cache;

/// Bytes of reusable functions that are kept. The TypeScript engine takes about
/// a tenth of it; past this the collection starts anew.
const FUNCTIONS_CAP: usize = 128 << 20;

/// Compiled functions by the hash of what they were compiled from, for
/// wasmtime's incremental compilation. In memory only while something compiles.
#[derive(Debug)]
pub struct FunctionCache {
    cache: Arc<Cache>,
    open: Mutex<Functions>,
}

#[derive(Debug, Default)]
struct Functions {
    /// Compilations under way.
    users: usize,
    /// Whether those that are kept were read: the first compilation that asks does.
    read: bool,
    entries: HashMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
    changed: bool,
}

/// The file of reusable functions. Its entries' keys already contain compiler
/// version and settings.
const FUNCTIONS_FILE: &str = concat!("functions-", env!("CARGO_PKG_VERSION"), ".pack");

impl FunctionCache {
    /// Those that a cache has.
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache, open: Mutex::default() }
    }

    /// Runs a compilation with the collection in memory, once that asks for a function, and
    /// keeps what it added.
    pub fn during<T>(&self, compile: impl FnOnce() -> T) -> T {
        self.lock().users += 1;
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

    /// The collection, for compilations that are under way.
    fn opened(&self) -> std::sync::MutexGuard<'_, Functions> {
        let mut open = self.lock();
        if open.users > 0 && !open.read {
            open.read = true;
            self.load(&mut open);
        }
        open
    }

    fn load(&self, functions: &mut Functions) {
        let Some(bytes) = self.cache.read(FUNCTIONS_FILE) else { return };
        functions.bytes = bytes.len();
        let mut rest = bytes.as_slice();
        while let Some((key, after)) = take_field(rest)
            && let Some((value, after)) = take_field(after)
        {
            functions.entries.insert(key.to_vec(), value.to_vec());
            rest = after;
        }
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
        self.opened().entries.get(key).map(|value| Cow::Owned(value.clone()))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let mut open = self.opened();
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

    #[test]
    fn functions_survive_only_authentic() {
        use wasmtime::CacheStore as _;
        let folder = tempfile::tempdir().unwrap();
        let at = distri_artifact::key::CacheFolder::At(folder.path().to_owned());
        let cache = Arc::new(Cache::open(&at, None).unwrap());
        let functions = FunctionCache::new(Arc::clone(&cache));
        functions.during(|| assert!(functions.insert(b"key", b"value".to_vec())));
        assert!(functions.get(b"key").is_none(), "nothing stays in memory");
        functions
            .during(|| assert_eq!(functions.get(b"key").as_deref(), Some(b"value".as_slice())));
        std::fs::write(folder.path().join(FUNCTIONS_FILE), b"garbage").unwrap();
        functions.during(|| assert!(functions.get(b"key").is_none()));
    }
}
