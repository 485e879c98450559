//! The files that a bundle is made of, read once each: inside the workspace, opened
//! part by part without following a link, of bounded size. The bundler and the
//! resolver open nothing themselves: what they are given are the bytes that were
//! checked.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use distri_files::{Folder, Guard};

/// The most bytes of one module. The longest in use are compilers that were bundled
/// into one file, of about as much.
const MAX_FILE: u64 = 8 << 20;

/// The most bytes of all modules: a syntax tree takes some forty times its text.
const MAX_TOTAL: usize = 32 << 20;

/// The most modules. A large application with its packages has some thousands.
const MAX_MODULES: usize = 8192;

/// The most bytes of a `package.json` or `tsconfig.json`.
const MAX_CONFIG: u64 = 1 << 20;

/// The workspace, as a bundler sees it.
#[derive(Debug, Clone)]
pub(crate) struct Sources(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    read: Mutex<Read>,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Read {
    modules: BTreeMap<PathBuf, Arc<[u8]>>,
    configs: BTreeMap<PathBuf, Arc<[u8]>>,
    total: usize,
    /// What was asked for and lies outside the workspace.
    outside: Option<PathBuf>,
}

impl Sources {
    /// The files below `root`, which is absolute and free of links.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self(Arc::new(Inner { root, read: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, Read> {
        self.0.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path without links, if it is there and inside the workspace.
    pub(crate) fn real(&self, path: &Path) -> io::Result<PathBuf> {
        let real = path.canonicalize()?;
        if real.starts_with(&self.0.root) {
            return Ok(real);
        }
        self.state().outside.get_or_insert(real);
        Err(io::Error::new(io::ErrorKind::NotFound, "lies outside the workspace"))
    }

    /// The first path that was asked for and lies outside the workspace.
    pub(crate) fn outside(&self) -> Option<PathBuf> {
        self.state().outside.clone()
    }

    /// The bytes of a module. They are the same however often it is asked for.
    ///
    /// # Errors
    ///
    /// What is wrong with the file, in words that follow its name.
    pub(crate) fn module(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        let real = self.real(path)?;
        if let Some(bytes) = self.state().modules.get(&real) {
            return Ok(Arc::clone(bytes));
        }
        let bytes: Arc<[u8]> = self.open(&real, MAX_FILE)?.into();
        let mut state = self.state();
        if state.modules.len() >= MAX_MODULES {
            return Err(io::Error::other(format!(
                "is one module too many: a plugin may have {MAX_MODULES}"
            )));
        }
        state.total += bytes.len();
        if state.total > MAX_TOTAL {
            return Err(io::Error::other(format!(
                "is too much: the modules of a plugin may have {} MiB together",
                MAX_TOTAL >> 20
            )));
        }
        state.modules.insert(real, Arc::clone(&bytes));
        Ok(bytes)
    }

    /// The bytes of a file that says how modules are found.
    pub(crate) fn config(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        let real = self.real(path)?;
        if let Some(bytes) = self.state().configs.get(&real) {
            return Ok(Arc::clone(bytes));
        }
        let bytes: Arc<[u8]> = self.open(&real, MAX_CONFIG)?.into();
        self.state().configs.insert(real, Arc::clone(&bytes));
        Ok(bytes)
    }

    fn open(&self, real: &Path, max: u64) -> io::Result<Vec<u8>> {
        let below = real.strip_prefix(&self.0.root).map_err(io::Error::other)?;
        let (Some(parent), Some(name)) = (below.parent(), below.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a file"));
        };
        let name = name
            .to_str()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "has no name in UTF-8"))?;
        Folder::open(&self.0.root, parent, Guard::Workspace)?.read(name, max)
    }

    /// Everything that was read, in the order of its paths.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let state = self.state();
        state.modules.keys().chain(state.configs.keys()).cloned().collect()
    }
}

/// The bytes of a file as text, without a byte order mark.
pub(crate) fn text(bytes: &[u8]) -> io::Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let words = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "is UTF-16; save it as UTF-8".to_owned(),
            _ => format!("is not UTF-8 in line {line}"),
        };
        io::Error::new(io::ErrorKind::InvalidData, words)
    })?;
    Ok(distri_files::without_mark(text))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn workspace() -> (tempfile::TempDir, Sources) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        (folder, Sources::new(root))
    }

    #[test]
    fn a_module_is_read_once_and_links_lead_nowhere_else() {
        let (folder, sources) = workspace();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let path = folder.path().join("a.ts");
        std::fs::write(&path, "first").unwrap();
        assert_eq!(&*sources.module(&path).unwrap(), b"first");
        std::fs::remove_file(&path).unwrap();
        symlink(outside.path().join("secret"), &path).unwrap();
        assert!(sources.module(&path).is_err());
        symlink(outside.path(), folder.path().join("linked")).unwrap();
        assert!(sources.module(&folder.path().join("linked/secret")).is_err());
        assert!(sources.outside().is_some());
        symlink(folder.path().join("b.ts"), folder.path().join("inside.ts")).unwrap();
        std::fs::write(folder.path().join("b.ts"), "inside").unwrap();
        assert_eq!(&*sources.module(&folder.path().join("inside.ts")).unwrap(), b"inside");
        assert_eq!(sources.files().len(), 2);
    }

    #[test]
    fn what_is_too_large_or_no_file_is_refused() {
        let (folder, sources) = workspace();
        let large = std::fs::File::create(folder.path().join("large.ts")).unwrap();
        large.set_len(4 << 30).unwrap();
        assert!(sources.module(&folder.path().join("large.ts")).is_err());
        std::fs::create_dir(folder.path().join("folder.ts")).unwrap();
        assert!(sources.module(&folder.path().join("folder.ts")).is_err());
        let socket = folder.path().join("socket.ts");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(sources.module(&socket).is_err());
    }

    #[test]
    fn text_is_utf_8_without_a_mark() {
        assert_eq!(text("\u{feff}a".as_bytes()).unwrap(), "a");
        assert!(text(b"a\n\xff").unwrap_err().to_string().contains("line 2"));
        assert!(text(b"\xff\xfea\0").unwrap_err().to_string().contains("UTF-16"));
    }
}
