//! The key that authenticates what this user made, and the folder that it lies in, beside
//! compiled code.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use distri_call::{Error, ErrorKind};
use distri_files::{Folder, Guard};
use etcetera::BaseStrategy as _;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The file that holds the key.
const KEY: &str = "key";

/// Where a user's compiled code is, in the user's cache folder. Whatever a plugin is
/// granted, it is not this.
const OF_USER: &str = "distri/compiled";

/// What authenticates what this user made.
#[derive(Clone)]
pub struct Key([u8; 32]);

/// Not the key itself.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// An HMAC of something under this name.
    pub fn mac(&self, name: &str) -> Hmac<Sha256> {
        // The key has the length that the algorithm wants; every length is valid.
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!());
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac
    }
}

/// Where compiled code and the key are.
#[derive(Debug, Clone, Default)]
pub enum CacheFolder {
    /// In the user's cache folder.
    #[default]
    OfUser,
    /// Where an embedder says.
    At(PathBuf),
}

impl CacheFolder {
    /// Its path.
    pub fn path(&self) -> io::Result<PathBuf> {
        match self {
            Self::At(folder) => std::path::absolute(folder),
            Self::OfUser => {
                let strategy = etcetera::choose_base_strategy().map_err(io::Error::other)?;
                Ok(strategy.cache_dir().join(OF_USER))
            }
        }
    }

    /// Opens it with its key, and makes both if need be.
    ///
    /// # Errors
    ///
    /// `internal` with the folder's path where it is not this user's alone.
    pub fn open(&self) -> Result<(Folder, Key), Error> {
        let open = || {
            let folder = self.folder()?;
            let key = read_key(&folder)?;
            Ok((folder, key))
        };
        open().map_err(|error: io::Error| {
            let path = self.path().unwrap_or_default();
            let message = format!("cannot use the cache folder `{}`: {error}", path.display());
            Error::new(ErrorKind::Internal, message).with_hint(self.hint())
        })
    }

    /// The folder: the user's alone, and no link.
    fn folder(&self) -> io::Result<Folder> {
        let path = self.path()?;
        let depth = match self {
            Self::OfUser => Path::new(OF_USER).components().count(),
            // Of `/` or `a/..` there is nothing to look at but the folder itself.
            Self::At(_) => usize::from(path.file_name().is_some()),
        };
        let root = path.ancestors().nth(depth).unwrap_or(Path::new("/"));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        Folder::make(root, path.strip_prefix(root).unwrap_or(&path), Guard::Private)
    }

    /// What to do about one that cannot be used.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::OfUser => {
                "make room there, or make it yours alone; or name another cache folder with the variable `XDG_CACHE_HOME`"
            }
            Self::At(_) => {
                "make room there, or make it yours alone; or name another one with `HostBuilder::cache_folder`"
            }
        }
    }
}

/// Reads the key, or makes one. Two processes that make one at the same time
/// end up with the same.
fn read_key(folder: &Folder) -> io::Result<Key> {
    for _ in 0..2 {
        match folder.own_file(KEY) {
            Ok(file) => {
                let mut bytes = Vec::new();
                // One byte more than it may have.
                file.take(33).read_to_end(&mut bytes)?;
                if let Ok(key) = <[u8; 32]>::try_from(bytes) {
                    return Ok(Key(key));
                }
                // Damaged: what it authenticated is made anew.
                folder.remove(KEY)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut key = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        if folder.write_first(KEY, &key)? {
            return Ok(Key(key));
        }
    }
    Err(io::Error::other("the key of the cache keeps changing"))
}
