//! The folders of the workspace that a package sees, opened for one store.

use std::path::{Path, PathBuf};

use cap_fs_ext::DirExt as _;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use distri_call::frame::Frame;
use distri_call::{Error, ErrorKind, Result};
use distri_manifest::{Access, FilesystemRequest};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use crate::own_folders::OwnFolders;

/// What no package is given, whatever it was granted.
pub struct Protected {
    /// The user's own folders.
    pub own_folders: OwnFolders,
    /// Where the policy lies, if it is a file.
    pub policy: Option<PathBuf>,
}

/// Opens folders that the call's package was granted, below the workspace's root,
/// through no link.
///
/// # Errors
///
/// `not-found` when a granted folder is not there; `denied` when a link stands in
/// for it.
pub fn open<'a>(
    frame: &Frame,
    folders: impl Iterator<Item = (&'a FilesystemRequest, Access)>,
    protected: &Protected,
    wasi: &mut WasiCtxBuilder,
) -> Result<()> {
    let mut folders = folders.peekable();
    if folders.peek().is_none() {
        return Ok(());
    }
    let package = &frame.package.name;
    let root = frame.package.root().ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("`{package}` belongs to no workspace"))
            .with_hint("give the host a workspace: `Host::builder().workspace(…)`")
    })?;
    let opened = Dir::open_ambient_dir(root, ambient_authority()).map_err(|error| {
        Error::new(ErrorKind::NotFound, format!("the workspace of `{package}` is gone: {error}"))
    })?;
    for (folder, access) in folders {
        let directory = below(&opened, folder.path.as_str())
            .map_err(|error| unopened(package.as_str(), folder, &error))?;
        protected.own_folders.refuse(package.as_str(), folder, &directory)?;
        if access == Access::ReadWrite {
            refuse_code(frame, folder)?;
            protected.refuse_policy(frame, folder)?;
        }
        let perms = match access {
            Access::Read => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        path_of(&directory, &root.join(folder.path.as_str()), |path| {
            wasi.preopened_dir(path, folder.guest.as_str(), perms).map(drop)
        })
        .map_err(|error| {
            Error::new(
                ErrorKind::NotFound,
                format!("cannot open the folder `{}`: {error}", folder.path),
            )
        })?;
    }
    Ok(())
}

/// Refuses to let a package write where another's sources lie, unless the operator says
/// so: `plugins/` may link to them, and whoever writes them is built with what the other
/// was approved for.
fn refuse_code(frame: &Frame, folder: &FilesystemRequest) -> Result<()> {
    if frame.package.grant.folder_by_operator(folder) == Some(Access::ReadWrite) {
        return Ok(());
    }
    let path = Path::new(folder.path.as_str());
    for other in frame.packages() {
        let Some(sources) = other.linked() else { continue };
        if sources.starts_with(path) || path.starts_with(sources) {
            let (package, owner) = (&frame.package.name, &other.name);
            let message = format!(
                "`{package}` may not write to `{}`: the sources of `{owner}` lie in `{}`",
                folder.path,
                sources.display()
            );
            return Err(Error::new(ErrorKind::Denied, message).with_hint(format!(
                "give it another folder, or move those sources to `plugins/{owner}`"
            )));
        }
    }
    Ok(())
}

impl Protected {
    /// Refuses to let a package write where the policy lies that says what it may do.
    fn refuse_policy(&self, frame: &Frame, folder: &FilesystemRequest) -> Result<()> {
        let Some(policy) = &self.policy else { return Ok(()) };
        let mut writable = frame.package.writable().iter();
        let holds = |(name, whole): &&(String, PathBuf)| {
            name == folder.path.as_str() && policy.starts_with(whole)
        };
        if !writable.any(|it| holds(&it)) {
            return Ok(());
        }
        let (package, policy) = (&frame.package.name, policy.display());
        let message = format!(
            "`{package}` may not write to `{}`: the policy `{policy}` lies in it",
            folder.path
        );
        Err(Error::new(ErrorKind::Denied, message)
            .with_hint("keep the policy where no plugin may write"))
    }
}

/// A folder below another. No part of the path may be a link: it could lead out of
/// the workspace, or to what in it no package sees.
fn below(root: &Dir, path: &str) -> std::io::Result<Dir> {
    path.split('/').try_fold(root.try_clone()?, |folder, name| folder.open_dir_nofollow(name))
}

/// A path to the very folder that was opened, whatever becomes of its name.
#[cfg(target_os = "linux")]
fn path_of<T>(directory: &Dir, _: &Path, then: impl FnOnce(&Path) -> T) -> T {
    use std::os::fd::AsRawFd as _;
    then(Path::new(&format!("/proc/self/fd/{}", directory.as_raw_fd())))
}

/// Elsewhere the name has to do: whoever may rename folders of the workspace while
/// it is opened is trusted.
#[cfg(not(target_os = "linux"))]
fn path_of<T>(_: &Dir, path: &Path, then: impl FnOnce(&Path) -> T) -> T {
    then(path)
}

fn unopened(package: &str, folder: &FilesystemRequest, error: &std::io::Error) -> Error {
    let path = folder.path.as_str();
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::new(
            ErrorKind::NotFound,
            format!("the folder `{path}`, which `{package}` asks for, is not in the workspace"),
        )
        .with_hint(format!("make it: `mkdir -p {path}` in the workspace's root")),
        // What is a link, and what is a file, both say that.
        _ => Error::new(
            ErrorKind::Denied,
            format!("`{path}`, which `{package}` asks for, cannot be opened as a folder: {error}"),
        )
        .with_hint("links are not followed: name the folder itself"),
    }
}
