//! Where a SQLite database lies: a regular file with one name, below folders none of
//! which is a link, and in none that a package may write to. `SQLite` opens by paths
//! of its own, so that the folder is held open and named by its descriptor.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use distri_call::grant::Grant;
use distri_call::package::Package;
use distri_call::{Error, ErrorKind};
use distri_manifest::{Capabilities, PackageName, Policy};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

/// What `SQLite` makes beside a database, and the database itself.
const FILES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// A file that is not what it should be: which, and why. Not for guests.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub path: PathBuf,
    pub why: String,
}

/// Where a database lies.
#[derive(Debug)]
pub(crate) struct Place {
    folder: OwnedFd,
    name: OsString,
    path: PathBuf,
}

/// A database's path without `.`, `..` and what it is relative to. It is only as good as
/// its parts: none of them may be a link.
pub(crate) fn normal(path: &Path) -> io::Result<PathBuf> {
    let mut normal = PathBuf::from("/");
    for part in std::env::current_dir()?.join(path).components() {
        match part {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => {
                normal.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(normal)
}

/// The path in the URL of a SQLite database.
pub(crate) fn path_of(url: &str) -> Option<PathBuf> {
    let options: sqlx::sqlite::SqliteConnectOptions = url.parse().ok()?;
    normal(options.get_filename()).ok()
}

impl Place {
    /// Opens the folder that a database lies in, part by part.
    pub(crate) fn of(path: &Path) -> Result<Self, Refusal> {
        let refuse = |path: &Path, why: String| Refusal { path: path.to_owned(), why };
        let path = normal(path).map_err(|error| refuse(path, error.to_string()))?;
        let parts = path.parent().zip(path.file_name());
        let (parent, name) = parts.ok_or_else(|| refuse(&path, "is no file".to_owned()))?;
        let mut reached = PathBuf::from("/");
        let mut folder = rustix::fs::open(&reached, flags(), Mode::empty())
            .map_err(|error| refuse(&reached, error.to_string()))?;
        for part in parent.components().skip(1) {
            reached.push(part);
            folder = rustix::fs::openat(&folder, part.as_os_str(), flags(), Mode::empty())
                .map_err(|error| {
                    let found =
                        rustix::fs::statat(&folder, part.as_os_str(), AtFlags::SYMLINK_NOFOLLOW);
                    let kind = found.map(|found| FileType::from_raw_mode(found.st_mode));
                    refuse(
                        &reached,
                        if kind == Ok(FileType::Symlink) {
                            "is a link, which is not followed: name the folder that it stands for"
                                .to_owned()
                        } else {
                            format!("cannot be opened: {}", io::Error::from(error))
                        },
                    )
                })?;
        }
        Ok(Self { folder, name: name.to_owned(), path: path.clone() })
    }

    /// The database's path, for the operator.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A path to the database in the very folder that was opened, for as long as this
    /// is there.
    #[cfg(target_os = "linux")]
    pub(crate) fn to_open(&self) -> PathBuf {
        use std::os::fd::AsRawFd as _;
        PathBuf::from(format!("/proc/self/fd/{}", self.folder.as_raw_fd())).join(&self.name)
    }

    /// Elsewhere the name has to do.
    #[cfg(not(target_os = "linux"))]
    pub fn to_open(&self) -> PathBuf {
        self.path.clone()
    }

    /// Looks at the database and what `SQLite` makes beside it. Gives whether it is there.
    pub(crate) fn check(&self) -> Result<bool, Refusal> {
        let mut there = false;
        for suffix in FILES {
            let mut name = self.name.clone();
            name.push(suffix);
            let refuse = |why: String| Refusal { path: self.path.with_file_name(&name), why };
            match self.stat(&name) {
                Ok(found) => {
                    let what = match FileType::from_raw_mode(found.st_mode) {
                        FileType::RegularFile if found.st_nlink == 1 => None,
                        FileType::RegularFile => Some("has another name, by a hard link"),
                        FileType::Symlink => Some("is a link, which is not followed"),
                        FileType::Fifo => Some("is a FIFO, not a file"),
                        FileType::Socket => Some("is a socket, not a file"),
                        FileType::Directory => Some("is a folder, not a file"),
                        _ => Some("is a device, not a file"),
                    };
                    if let Some(what) = what {
                        return Err(refuse(what.to_owned()));
                    }
                    there |= suffix.is_empty();
                }
                Err(rustix::io::Errno::NOENT) => {}
                Err(error) => {
                    return Err(refuse(format!("cannot be looked at: {}", io::Error::from(error))));
                }
            }
        }
        Ok(there)
    }

    fn stat(&self, name: &OsStr) -> rustix::io::Result<Stat> {
        rustix::fs::statat(&self.folder, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW)
    }
}

fn flags() -> OFlags {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // To look for names in it, no right to read it is needed.
    #[cfg(target_os = "linux")]
    let flags = flags | OFlags::PATH;
    flags
}

/// A database that lies below a folder that a package may write to. Whoever may put
/// another file in its place decides what all of its users read, and what `SQLite` opens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExposedDatabase {
    /// The database.
    pub database: String,
    /// The folder, relative to the workspace's root.
    pub folder: String,
    /// The package that may write to it.
    pub package: String,
}

impl ExposedDatabase {
    /// What is said of it.
    pub fn error(&self) -> Error {
        let Self { database, folder, package } = self;
        Error::new(
            ErrorKind::Denied,
            format!(
                "the database `{database}` lies in `{folder}`, which `{package}` may write to: \
                 it is not opened"
            ),
        )
        .with_hint(format!(
            "keep it where no package writes, and name that place at `[databases.{database}]` \
             of the policy; or do not let `{package}` write to `{folder}`"
        ))
    }
}

/// The databases of a policy that lie where packages of a workspace, with what they ask
/// for, may write.
pub fn exposed_databases<'a>(
    policy: &Policy,
    root: &Path,
    packages: impl IntoIterator<Item = (&'a PackageName, &'a Capabilities)>,
) -> Vec<ExposedDatabase> {
    let paths: Vec<(&String, PathBuf)> = policy
        .databases
        .iter()
        .filter_map(|(name, config)| Some((name, path_of(&config.url)?)))
        .collect();
    let mut exposed = Vec::new();
    for (package, asked) in packages {
        let writable = Grant::new(package, asked, policy).writable(root);
        for (database, path) in &paths {
            if let Some((folder, _)) = writable.iter().find(|(_, whole)| path.starts_with(whole)) {
                exposed.push(ExposedDatabase {
                    database: (*database).clone(),
                    folder: folder.clone(),
                    package: package.to_string(),
                });
            }
        }
    }
    exposed
}

/// The package, and its folder, that lets it write where a database lies.
pub(crate) fn exposed(
    packages: &[Arc<Package>],
    database: &str,
    path: &Path,
) -> Option<ExposedDatabase> {
    packages.iter().find_map(|package| {
        let mut folders = package.writable().iter();
        let (folder, _) = folders.find(|(_, whole)| path.starts_with(whole))?;
        Some(ExposedDatabase {
            database: database.to_owned(),
            folder: folder.clone(),
            package: package.name.to_string(),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    #[test]
    fn a_path_has_no_links_and_needs_no_file() {
        let (_kept, root) = folder();
        std::fs::create_dir(root.join("a")).unwrap();
        let place = Place::of(&root.join("a/../a/./x.db")).unwrap();
        assert_eq!(place.path(), root.join("a/x.db"));
        assert!(!place.check().unwrap());
        symlink("a", root.join("b")).unwrap();
        let refusal = Place::of(&root.join("b/x.db")).unwrap_err();
        assert_eq!(refusal.path, root.join("b"));
        assert!(refusal.why.contains("is a link"), "{refusal:?}");
        let refusal = Place::of(&root.join("c/x.db")).unwrap_err();
        assert!(refusal.why.contains("No such file"), "{refusal:?}");
    }

    #[test]
    fn each_of_its_files_is_a_file_with_one_name() {
        let (_kept, root) = folder();
        let other = root.join("other");
        std::fs::write(&other, "x").unwrap();
        let place = Place::of(&root.join("x.db")).unwrap();
        for suffix in FILES {
            let path = root.join(format!("x.db{suffix}"));
            let refused = |words: &str| {
                let refusal = place.check().unwrap_err();
                assert_eq!(refusal.path, path);
                assert!(refusal.why.contains(words), "{refusal:?}");
                let _ = std::fs::remove_file(&path);
                let _ = std::fs::remove_dir(&path);
            };
            symlink(&other, &path).unwrap();
            refused("is a link");
            symlink("nowhere", &path).unwrap();
            refused("is a link");
            std::fs::hard_link(&other, &path).unwrap();
            refused("a hard link");
            std::fs::create_dir(&path).unwrap();
            refused("is a folder");
            rustix::fs::mknodat(
                rustix::fs::CWD,
                &path,
                FileType::Fifo,
                Mode::from_raw_mode(0o600),
                0,
            )
            .unwrap();
            refused("is a FIFO");
        }
        std::fs::write(root.join("x.db"), "").unwrap();
        assert!(place.check().unwrap());
    }

    #[test]
    fn its_folder_stays_the_one_that_was_opened() {
        let (_kept, root) = folder();
        std::fs::create_dir_all(root.join("a")).unwrap();
        std::fs::write(root.join("a/x.db"), "one").unwrap();
        let place = Place::of(&root.join("a/x.db")).unwrap();
        std::fs::rename(root.join("a"), root.join("b")).unwrap();
        std::fs::create_dir_all(root.join("a")).unwrap();
        std::fs::write(root.join("a/x.db"), "two").unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(std::fs::read_to_string(place.to_open()).unwrap(), "one");
        }
    }
}
