//! A folder of our own below one that somebody else may have laid out, held open:
//! whatever is done in it is done in this very folder, and follows no link.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::read::{not_regular, read_regular, text};

/// How the names of files begin that are still being written.
const UNFINISHED: &str = ".new-";

/// What a folder's name goes on with that stood where a file belongs.
const ASIDE: &str = ".set-aside-";

/// The modes of files: the user's own, and those that others may read where the umask
/// lets them.
const OWN: u32 = 0o600;
const SHARED: u32 = 0o666;

/// Who may have made a folder, and who may enter it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// A folder of a workspace: anybody's who may write there.
    Workspace,
    /// The user's own: made by this user, and nobody else may write it. It is made
    /// with the mode 0700 whatever the umask is.
    Private,
}

/// A folder that is held open.
#[derive(Debug)]
pub struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
}

/// What the system says of a file. The time of its last change is the system's own: who
/// writes to a file cannot set it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    inode: u64,
    /// Seconds, and nanoseconds within the second.
    changed: (i64, u64),
    /// Bytes.
    size: u64,
}

impl Folder {
    /// Opens `below` in `root`, part by part, each under `guard`; `root` itself may be
    /// reached through links, and is whoever's it is, unless `below` is empty.
    ///
    /// # Errors
    ///
    /// `NotFound` where it is not there; `InvalidInput` for a link or a file in its
    /// place and for parts like `..`, each named; `PermissionDenied` where `guard`
    /// does not hold.
    pub fn open(root: &Path, below: &Path, guard: Guard) -> io::Result<Self> {
        Self::walk(root, below, guard, false)
    }

    /// The same, and makes what is missing.
    pub fn make(root: &Path, below: &Path, guard: Guard) -> io::Result<Self> {
        Self::walk(root, below, guard, true)
    }

    fn walk(root: &Path, below: &Path, guard: Guard, make: bool) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor =
            rustix::fs::open(root, flags, Mode::empty()).map_err(|error| at(root, error.into()))?;
        let mut folder = Self { descriptor, path: root.to_owned() };
        for part in below.components() {
            match part {
                Component::Normal(name) => {
                    folder = folder.enter(name, guard, make)?;
                    folder.check(guard)?;
                }
                Component::CurDir => {}
                _ => return Err(named(below, io::ErrorKind::InvalidInput, "leads elsewhere")),
            }
        }
        folder.check(guard)?;
        Ok(folder)
    }

    /// The folder `name` in this one, made where it is missing.
    pub fn make_in(&self, name: &str, guard: Guard) -> io::Result<Self> {
        let name = single(name)?;
        let folder = self.again()?.enter(name, guard, true)?;
        folder.check(guard)?;
        Ok(folder)
    }

    /// The folder `name` in this one.
    pub fn open_in(&self, name: &str, guard: Guard) -> io::Result<Self> {
        let name = single(name)?;
        let folder = self.again()?.enter(name, guard, false)?;
        folder.check(guard)?;
        Ok(folder)
    }

    fn again(&self) -> io::Result<Self> {
        Ok(Self { descriptor: self.descriptor.try_clone()?, path: self.path.clone() })
    }

    fn enter(self, name: &OsStr, guard: Guard, make: bool) -> io::Result<Self> {
        let path = self.path.join(name);
        let mode = match guard {
            // Whatever the umask is, nobody else writes there.
            Guard::Workspace => Mode::from_raw_mode(0o755),
            Guard::Private => Mode::from_raw_mode(0o700),
        };
        if make {
            match rustix::fs::mkdirat(&self.descriptor, name, mode) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(at(&path, error.into())),
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.descriptor, name, flags, Mode::empty()) {
            Ok(descriptor) => Ok(Self { descriptor, path }),
            // What a link gives with both flags depends on the system.
            Err(error @ (Errno::LOOP | Errno::NOTDIR)) => {
                let kind = self.kind(name).unwrap_or(FileType::Unknown);
                let words = match kind {
                    FileType::Symlink => "is a link, which is not followed",
                    FileType::Directory => return Err(at(&path, error.into())),
                    _ => "is not a folder",
                };
                Err(named(&path, io::ErrorKind::InvalidInput, words))
            }
            Err(error) => Err(at(&path, error.into())),
        }
    }

    fn check(&self, guard: Guard) -> io::Result<()> {
        if guard == Guard::Workspace {
            return Ok(());
        }
        let stat = rustix::fs::fstat(&self.descriptor)?;
        check_owner(&self.path, stat.st_uid, stat.st_mode)
    }

    fn kind(&self, name: &OsStr) -> io::Result<FileType> {
        let stat = rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(stat.st_mode))
    }

    /// Where it was found, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the regular file `name`, `max` at most.
    ///
    /// # Errors
    ///
    /// As [`crate::read()`]; a link is refused.
    pub fn read(&self, name: &str, max: u64) -> io::Result<Vec<u8>> {
        let file = self.open_for_reading(name)?;
        read_regular(file, max).map_err(|error| at(&self.path.join(name), error))
    }

    /// The same as text, without a byte order mark.
    pub fn read_text(&self, name: &str, max: u64) -> io::Result<String> {
        text(self.read(name, max)?).map_err(|error| at(&self.path.join(name), error))
    }

    /// The regular file `name`, open for reading.
    pub fn file(&self, name: &str) -> io::Result<File> {
        let file = self.open_for_reading(name)?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
        if kind != FileType::RegularFile {
            return Err(named(
                &self.path.join(name),
                io::ErrorKind::InvalidInput,
                not_regular(kind),
            ));
        }
        Ok(File::from(file))
    }

    /// The regular file `name`, open for reading, where this user made it and nobody
    /// else may write it: it stays what it is while it is used.
    ///
    /// # Errors
    ///
    /// As [`Folder::file`], and `PermissionDenied` for a file of somebody else's.
    pub fn own_file(&self, name: &str) -> io::Result<File> {
        let file = self.file(name)?;
        let stat = rustix::fs::fstat(&file)?;
        check_owner(&self.path.join(name), stat.st_uid, stat.st_mode)?;
        Ok(file)
    }

    fn open_for_reading(&self, name: &str) -> io::Result<OwnedFd> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        self.open_file(name, flags, Mode::empty())
    }

    fn open_file(&self, name: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let path = self.path.join(name);
        rustix::fs::openat(&self.descriptor, single(name)?, flags, mode).map_err(|error| {
            if error == Errno::LOOP {
                named(&path, io::ErrorKind::InvalidInput, not_regular(FileType::Symlink))
            } else if error == Errno::ISDIR {
                named(&path, io::ErrorKind::InvalidInput, not_regular(FileType::Directory))
            } else {
                at(&path, error.into())
            }
        })
    }

    /// Whether a regular file of this name is there, and its size in bytes.
    pub fn size(&self, name: &str) -> Option<u64> {
        Some(self.stamp(name)?.size)
    }

    /// What tells the regular file of this name, as it is now, from any other and from
    /// itself after it was written to.
    pub fn stamp(&self, name: &str) -> Option<Stamp> {
        let name = single(name).ok()?;
        let stat = rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then(|| Stamp {
            inode: stat.st_ino,
            changed: (stat.st_ctime, stat.st_ctime_nsec),
            size: u64::try_from(stat.st_size).unwrap_or_default(),
        })
    }

    /// Whether anything has this name: a file, a folder, a link.
    pub fn has(&self, name: &str) -> bool {
        single(name).is_ok_and(|name| self.kind(name).is_ok())
    }

    /// Writes `name` beside itself, to disk, and renames: readers, and a crash at any
    /// moment, see the old file or the new one. A link in its place is replaced,
    /// never followed. Nothing is left behind where it fails.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.write_parts(name, OWN, &[bytes], |beside, file| {
            file.sync_data()?;
            self.replace(beside, name)?;
            // The name itself; some file systems cannot, and need not.
            let _ = rustix::fs::fsync(&self.descriptor);
            Ok(())
        })
    }

    /// Writes a file of the user's own, readable for whom their umask lets: a link in
    /// its place is replaced, never followed.
    pub fn write_shared(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.write_parts(name, SHARED, &[bytes], |beside, _| self.replace(beside, name))
    }

    /// Gives a new file its name. A folder that stands in its place is set aside.
    fn replace(&self, beside: &str, name: &str) -> io::Result<()> {
        let (folder, name) = (&self.descriptor, single(name)?);
        match rustix::fs::renameat(folder, beside, folder, name) {
            Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                let aside = format!("{}{ASIDE}{}", name.display(), std::process::id());
                rustix::fs::renameat(folder, name, folder, aside.as_str())?;
                Ok(rustix::fs::renameat(folder, beside, folder, name)?)
            }
            done => Ok(done?),
        }
    }

    /// The same for what can be made again, in parts: it is not waited for until it is
    /// on disk.
    pub fn write_anew(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        self.write_parts(name, OWN, parts, |beside, _| self.replace(beside, name))
    }

    /// Writes `name` where there is none: false where something has this name by then.
    pub fn write_first(&self, name: &str, bytes: &[u8]) -> io::Result<bool> {
        let mut first = true;
        self.write_parts(name, OWN, &[bytes], |beside, file| {
            file.sync_data()?;
            let folder = &self.descriptor;
            match rustix::fs::linkat(folder, beside, folder, single(name)?, AtFlags::empty()) {
                Ok(()) => {}
                Err(Errno::EXIST) => first = false,
                Err(error) => return Err(error.into()),
            }
            Ok(rustix::fs::unlinkat(folder, beside, AtFlags::empty())?)
        })?;
        Ok(first)
    }

    /// Writes a file of no name that anybody looks for, and has it given one.
    fn write_parts(
        &self,
        name: &str,
        mode: u32,
        parts: &[&[u8]],
        give_name: impl FnOnce(&str, &File) -> io::Result<()>,
    ) -> io::Result<()> {
        single(name)?;
        let (beside, mut file) = self.beside(Mode::from_raw_mode(mode))?;
        let written = (|| {
            for part in parts {
                file.write_all(part)?;
            }
            give_name(&beside, &file)
        })();
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.descriptor, &beside, AtFlags::empty());
        }
        written.map_err(|error: io::Error| at(&self.path.join(name), error))
    }

    /// A new file that nobody else has open.
    fn beside(&self, mode: Mode) -> io::Result<(String, File)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{UNFINISHED}{}-{number}", std::process::id());
            match rustix::fs::openat(&self.descriptor, name.as_str(), flags, mode) {
                Ok(file) => return Ok((name, File::from(file))),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(at(&self.path.join(name), error.into())),
            }
        }
    }

    /// Whether a name is of a file that [`Folder::write`] is writing, or left when
    /// its process was killed.
    pub fn is_unfinished(name: &str) -> bool {
        name.starts_with(UNFINISHED)
    }

    /// The file `name`, to be locked: made where it is missing, never emptied.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a link or anything else that is no regular file.
    pub fn lock_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NONBLOCK
            | OFlags::NOCTTY;
        let file = self.open_file(name, flags, Mode::from_raw_mode(0o600))?;
        let kind = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
        if kind != FileType::RegularFile {
            return Err(named(
                &self.path.join(name),
                io::ErrorKind::InvalidInput,
                not_regular(kind),
            ));
        }
        Ok(File::from(file))
    }

    /// The names in it, without `.` and `..`, each with whether it is a regular file
    /// and the seconds since it was changed; names that are not UTF-8 are left out.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.descriptor)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            // Another process may be removing it.
            let Ok(stat) = rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)
            else {
                continue;
            };
            entries.push(Entry {
                name: name.to_owned(),
                regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
                size: u64::try_from(stat.st_size).unwrap_or_default(),
                modified: std::time::UNIX_EPOCH
                    + std::time::Duration::new(
                        u64::try_from(stat.st_mtime).unwrap_or_default(),
                        u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
                    ),
            });
        }
        Ok(entries)
    }

    /// Removes the file `name`; a link itself, never what it leads to.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.descriptor, single(name)?, AtFlags::empty())?)
    }

    /// Gives the file `from` the name `to`.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (single(from)?, single(to)?);
        Ok(rustix::fs::renameat(&self.descriptor, from, &self.descriptor, to)?)
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Something in a folder.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a regular file.
    pub regular: bool,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed.
    pub modified: std::time::SystemTime,
}

/// Whether a folder is this user's, and not one where everybody may write.
pub fn is_own(path: &Path) -> bool {
    rustix::fs::stat(path).is_ok_and(|stat| {
        stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o002 == 0
    })
}

/// Whether this user alone may have made a file or folder what it is.
fn check_owner(path: &Path, owner: u32, mode: u32) -> io::Result<()> {
    let user = rustix::process::geteuid().as_raw();
    if owner != user {
        let words = format!("belongs to the user {owner}, not to you ({user})");
        return Err(named(path, io::ErrorKind::PermissionDenied, &words));
    }
    if mode & 0o022 != 0 {
        let words = format!("may be written by others (its mode is {:o})", mode & 0o777);
        return Err(named(path, io::ErrorKind::PermissionDenied, &words));
    }
    Ok(())
}

/// One part of a path, and no more.
fn single(name: &str) -> io::Result<&OsStr> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == OsStr::new(name) => Ok(part),
        _ => Err(named(Path::new(name), io::ErrorKind::InvalidInput, "is not a file's name")),
    }
}

fn named(path: &Path, kind: io::ErrorKind, words: &str) -> io::Error {
    io::Error::new(kind, format!("`{}` {words}", path.display()))
}

/// An error with the path it is about; one that has it already stays.
fn at(path: &Path, error: io::Error) -> io::Error {
    let text = error.to_string();
    if text.starts_with('`') {
        return error;
    }
    let words =
        if error.raw_os_error().is_some() { format!(": {text}") } else { format!(" {text}") };
    io::Error::new(error.kind(), format!("`{}`{words}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn links_are_refused_at_every_part() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("kept"), "kept").unwrap();
        std::fs::create_dir(root.path().join("a")).unwrap();
        symlink(outside.path(), root.path().join("a/b")).unwrap();
        symlink(outside.path(), root.path().join("link")).unwrap();
        for below in ["link", "a/b", "a/b/c", "link/a"] {
            let error = Folder::make(root.path(), Path::new(below), Guard::Workspace).unwrap_err();
            assert!(error.to_string().contains("is a link"), "{below}: {error}");
        }
        assert!(Folder::open(root.path(), Path::new("a/../a"), Guard::Workspace).is_err());
        let folder = Folder::make(root.path(), Path::new("a/new"), Guard::Workspace).unwrap();
        symlink(outside.path().join("kept"), root.path().join("a/new/file")).unwrap();
        assert!(folder.read("file", 9).unwrap_err().to_string().contains("is a link"));
        assert!(folder.lock_file("file").unwrap_err().to_string().contains("is a link"));
        assert!(folder.file("file").is_err());
        assert_eq!(folder.size("file"), None);
        folder.write("file", b"mine").unwrap();
        assert_eq!(folder.read("file", 9).unwrap(), b"mine");
        let kept = std::fs::read(outside.path().join("kept")).unwrap();
        assert_eq!(kept, b"kept", "what a link led to is unchanged");
        for name in ["", ".", "..", "a/b", "/etc", "a/", "./a"] {
            assert!(folder.write(name, b"").is_err(), "{name}");
        }
    }

    #[test]
    fn a_folder_that_was_swapped_is_still_the_one_that_was_opened() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let folder = Folder::make(root.path(), Path::new("a"), Guard::Workspace).unwrap();
        std::fs::rename(root.path().join("a"), root.path().join("moved")).unwrap();
        symlink(outside.path(), root.path().join("a")).unwrap();
        folder.write("file", b"mine").unwrap();
        assert!(root.path().join("moved/file").is_file());
        assert!(std::fs::read_dir(outside.path()).unwrap().next().is_none());
    }

    #[test]
    fn a_private_folder_is_of_its_user_alone() {
        let root = tempfile::tempdir().unwrap();
        let below = Path::new("distri");
        let path = root.path().join(below);
        Folder::make(root.path(), below, Guard::Private).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o770)).unwrap();
        let error = Folder::make(root.path(), below, Guard::Private).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("may be written by others"), "{error}");
    }

    #[test]
    fn of_two_that_write_first_one_is() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::make(root.path(), Path::new("a"), Guard::Private).unwrap();
        assert!(folder.write_first("file", b"one").unwrap());
        assert!(!folder.write_first("file", b"two").unwrap());
        assert_eq!(folder.read("file", 9).unwrap(), b"one");
        folder.write_anew("file", &[b"th", b"ree"]).unwrap();
        assert_eq!(folder.read("file", 9).unwrap(), b"three");
        assert_eq!(folder.entries().unwrap().len(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_others_may_write_is_not_ones_own() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::make(root.path(), Path::new("a/b"), Guard::Private).unwrap();
        folder.write("file", b"mine").unwrap();
        folder.own_file("file").unwrap();
        let path = root.path().join("a/b/file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(folder.file("file").is_ok());
        let error = folder.own_file("file").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        // Who may write a folder above may put another in its place.
        let above = root.path().join("a");
        std::fs::set_permissions(&above, std::fs::Permissions::from_mode(0o777)).unwrap();
        let error = Folder::open(root.path(), Path::new("a/b"), Guard::Private).unwrap_err();
        assert!(error.to_string().contains("/a` may be written by others"), "{error}");
    }

    #[test]
    fn what_is_there_is_listed_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::make(root.path(), Path::new("a"), Guard::Workspace).unwrap();
        folder.write("file", b"12").unwrap();
        folder.make_in("sub", Guard::Workspace).unwrap();
        let mut names: Vec<_> = folder
            .entries()
            .unwrap()
            .into_iter()
            .map(|entry| (entry.name, entry.regular))
            .collect();
        names.sort();
        assert_eq!(names, [("file".to_owned(), true), ("sub".to_owned(), false)]);
        assert_eq!(folder.size("file"), Some(2));
        // A folder where a file belongs keeps nothing from being written.
        std::fs::create_dir_all(root.path().join("a/sub/inside")).unwrap();
        folder.write("sub", b"mine").unwrap();
        assert_eq!(folder.read("sub", 9).unwrap(), b"mine");
        folder.write_shared("sub", b"ours").unwrap();
        let mode = std::fs::metadata(root.path().join("a/sub")).unwrap().permissions().mode();
        assert_eq!(mode & 0o600, 0o600);
        folder.remove("file").unwrap();
        assert_eq!(folder.read("file", 9).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
