//! Files and folders that a guest holds open: the process has so many for all. What is
//! opened is a file or a folder, and opening it waits for nobody.

use std::fs::File;
use std::sync::{Arc, Weak};

use cap_fs_ext::{FileTypeExt as _, FollowSymlinks, OpenOptionsFollowExt as _};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use distri_manifest::Access;
use rustix::fs::OFlags;
use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, Linker, Resource, ResourceTable};
use wasmtime_wasi::OpenMode;
use wasmtime_wasi::filesystem::{self, Descriptor};
use wasmtime_wasi::p2::bindings::filesystem::types as p2;
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

use crate::blocking::blocking_io;
use crate::disk::{Quota, Used};
use crate::file_faults::Fault;
use crate::places::{Open, Place};
use crate::state::State;
use crate::{Capability, Error, ErrorKind, door};

/// The interfaces of files, as wasmtime links them.
pub(crate) const P2: &str = "wasi:filesystem/types@0.2.12";
pub(crate) const P3: &str = "wasi:filesystem/types@0.3.0";

/// What a store's guest has open: descriptors, and streams that outlive theirs. What
/// was closed is noticed when there seems to be too much.
pub(crate) struct OpenFiles {
    /// Each with the granted folder that it lies in, by its place in the request.
    opened: Vec<(Weak<File>, Option<usize>)>,
    /// The granted folders themselves, which take no place.
    granted: Vec<(Weak<File>, usize)>,
    /// Those about to be, and folders that are being read.
    opening: Open,
    max: u32,
}

impl OpenFiles {
    pub(crate) fn new(max: u32) -> Self {
        Self { opened: Vec::new(), granted: Vec::new(), opening: Open::default(), max }
    }

    /// Places for a folder while it is read: it is opened twice for that.
    pub(crate) fn begin_listing(&mut self) -> Result<Arc<[Place; 2]>, Error> {
        Ok(Arc::new([self.begin()?, self.begin()?]))
    }

    /// A place for one about to be opened.
    fn begin(&mut self) -> Result<Place, Error> {
        let max = self.max as usize;
        if self.opened.len() + self.opening.count() as usize >= max {
            self.opened.retain(|(file, _)| file.strong_count() > 0);
        }
        let room = max.saturating_sub(self.opened.len());
        self.opening.try_place(u32::try_from(room).unwrap_or(u32::MAX)).ok_or_else(|| {
            let message = format!("more than {max} files are open in one call");
            Error::over(ErrorKind::ResourceLimit, "open_files", max, message)
        })
    }

    /// Takes note of a granted folder that the guest was given.
    pub(crate) fn grant(
        &mut self,
        table: &ResourceTable,
        folder: &Resource<Descriptor>,
        at: usize,
    ) {
        let Ok(Descriptor::Dir(folder)) = table.get(folder) else { return };
        if self.origin(&folder.dir).is_none() {
            self.granted.push((Arc::downgrade(&folder.dir), at));
        }
    }

    /// The granted folder that something open is, or lies in.
    pub(crate) fn origin(&self, file: &Arc<File>) -> Option<usize> {
        let is = |other: &Weak<File>| std::ptr::eq(other.as_ptr(), Arc::as_ptr(file));
        let granted = self.granted.iter().find(|(folder, _)| is(folder)).map(|(_, at)| *at);
        granted.or_else(|| self.opened.iter().find(|(file, _)| is(file))?.1)
    }

    /// Takes note of one that was opened.
    fn note(&mut self, opened: &Descriptor, origin: Option<usize>) {
        self.opened.push((Arc::downgrade(handle(opened)), origin));
    }
}

/// The open file or folder itself.
pub(crate) fn handle(descriptor: &Descriptor) -> &Arc<File> {
    match descriptor {
        Descriptor::File(file) => &file.file,
        Descriptor::Dir(folder) => &folder.dir,
    }
}

/// What a guest wants to open.
#[expect(clippy::struct_excessive_bools, reason = "they are the flags of WASI, by their names")]
struct Opening {
    folder: filesystem::Dir,
    origin: Option<usize>,
    path: String,
    follow: bool,
    create: bool,
    exclusive: bool,
    truncate: bool,
    directory: bool,
    read: bool,
    write: bool,
    /// It asks for what the system is not asked for.
    unsupported: bool,
    quota: Quota,
}

macro_rules! opening {
    ($types:ident, $state:ident, $folder:ident, $flags:ident, $path:ident, $how:ident, $access:ident) => {
        match $state.table.get(&$folder)? {
            Descriptor::File(_) => Err(Fault::NotAFolder),
            Descriptor::Dir(folder) => Ok(Opening {
                origin: $state.open_files.origin(&folder.dir),
                folder: folder.clone(),
                path: $path,
                follow: $flags.contains($types::PathFlags::SYMLINK_FOLLOW),
                create: $how.contains($types::OpenFlags::CREATE),
                exclusive: $how.contains($types::OpenFlags::EXCLUSIVE),
                truncate: $how.contains($types::OpenFlags::TRUNCATE),
                directory: $how.contains($types::OpenFlags::DIRECTORY),
                read: $access.contains($types::DescriptorFlags::READ),
                write: $access.contains($types::DescriptorFlags::WRITE),
                unsupported: $access.contains($types::DescriptorFlags::FILE_INTEGRITY_SYNC)
                    || $access.contains($types::DescriptorFlags::DATA_INTEGRITY_SYNC)
                    || $access.contains($types::DescriptorFlags::REQUESTED_WRITE_SYNC),
                quota: $state.quota(),
            }),
        }
    };
}

/// Refuses what is neither a file nor a folder.
macro_rules! odd {
    ($kind:expr) => {
        let kind = $kind;
        if kind.is_fifo() {
            return Err(Fault::Odd("a FIFO"));
        }
        if kind.is_socket() {
            return Err(Fault::Odd("a socket"));
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Err(Fault::Odd("a device"));
        }
    };
}

impl Opening {
    fn changes(&self) -> bool {
        self.create || self.truncate || self.write
    }

    /// Opens it, on a thread that may block.
    async fn open(self) -> Result<Descriptor, Fault> {
        if self.unsupported {
            return Err(Fault::Unsupported);
        }
        if self.directory && (self.create || self.exclusive || self.truncate) {
            return Err(Fault::Invalid);
        }
        if self.changes() && self.folder.perms.write_not_permitted() {
            return Err(Fault::ReadOnly);
        }
        blocking_io(move || {
            let quota = self.quota.clone();
            if self.changes() {
                let mut used = quota.begin();
                self.open_now(Some(&mut used))
            } else {
                self.open_now(None)
            }
        })
        .await
    }

    fn open_now(&self, mut used: Option<&mut Used>) -> Result<Descriptor, Fault> {
        let folder = Dir::from_std_file(self.folder.dir.try_clone()?);
        // Looked at first: opening a device does something to it, and opening a FIFO to
        // its other end. What is put in its place afterwards is opened without waiting,
        // and looked at again.
        let found = if self.follow {
            folder.metadata(&self.path)
        } else {
            folder.symlink_metadata(&self.path)
        };
        if let Ok(found) = &found {
            odd!(found.file_type());
        }
        let makes = self.create && found.is_err();
        if makes && let Some(used) = &mut used {
            self.quota.file(used)?;
        }
        let opened = self.attempt(&folder);
        if let Some(used) = used {
            match &opened {
                Ok((file, metadata)) if metadata.is_file() => {
                    if self.truncate
                        && let Ok(found) = &found
                    {
                        used.shrunk(found.len());
                    }
                    used.opened(handle(file), metadata);
                }
                Err(_) if makes => self.quota.not_made(used),
                _ => {}
            }
        }
        Ok(opened?.0)
    }

    fn attempt(&self, folder: &Dir) -> Result<(Descriptor, std::fs::Metadata), Fault> {
        let mut mode = OpenMode::empty();
        let mut options = OpenOptions::new();
        let at_once = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(i32::try_from(at_once.bits()).unwrap_or_default());
        options.follow(if self.follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
        if self.create {
            options.create(!self.exclusive).create_new(self.exclusive);
        }
        options.truncate(self.truncate);
        if self.changes() {
            options.write(true);
            mode |= OpenMode::WRITE;
        }
        // What is opened for neither is opened to be looked at.
        if self.read || !self.write {
            options.read(true);
            mode |= OpenMode::READ;
        }
        let file = folder.open_with(&self.path, &options)?.into_std();
        let metadata = file.metadata()?;
        odd!(metadata.file_type());
        let perms = self.folder.perms;
        let opened = if metadata.is_dir() {
            Descriptor::Dir(filesystem::Dir::new(file, perms, mode, false))
        } else if self.directory {
            return Err(Fault::NotAFolder);
        } else {
            Descriptor::File(filesystem::File::new(file, perms, mode, false))
        };
        Ok((opened, metadata))
    }
}

type Arguments<Path, How, Flags> = (Resource<Descriptor>, Path, String, How, Flags);
type P2Arguments = Arguments<p2::PathFlags, p2::OpenFlags, p2::DescriptorFlags>;
type P3Arguments = Arguments<p3::PathFlags, p3::OpenFlags, p3::DescriptorFlags>;

impl State {
    /// Tells of an operation in a folder that the sandbox refused.
    pub(crate) fn refused_file(&self, fault: &Fault, origin: Option<usize>, path: &str) {
        let Some(frame) = &self.frame else { return };
        let package = &frame.package.name;
        let asked = &frame.package.grant.asked().filesystem;
        let folder = origin.and_then(|at| asked.get(at));
        let error = match (fault, folder) {
            (Fault::ReadOnly, Some(folder)) => {
                let capability = Capability::Filesystem {
                    guest: folder.guest.as_str(),
                    path: folder.path.as_str(),
                    access: Access::ReadWrite,
                };
                let Err(error) = door::authorise(frame, capability) else { return };
                error
            }
            (Fault::Outside, folder) => {
                let within = folder.map_or("a folder", |folder| folder.path.as_str());
                let message = format!("`{path}` leads out of `{within}`, which `{package}` sees");
                Error::new(ErrorKind::Denied, message).with_hint(
                    "ask for the folder that it lies in, in `[capabilities]` of its `distri.toml`",
                )
            }
            (Fault::Odd(what), _) => {
                Error::new(ErrorKind::Denied, format!("`{path}` is {what}, which no plugin opens"))
                    .with_hint("plugins open files and folders")
            }
            _ => return,
        };
        self.refused.tell(&error);
    }

    /// Takes what came of it.
    fn opened(
        &mut self,
        opened: Result<Descriptor, Fault>,
        origin: Option<usize>,
        path: &str,
    ) -> wasmtime::Result<Result<Resource<Descriptor>, Fault>> {
        Ok(match opened {
            Ok(opened) => {
                self.open_files.note(&opened, origin);
                Ok(self.table.push(opened)?)
            }
            Err(fault) => {
                self.refused_file(&fault, origin, path);
                Err(fault)
            }
        })
    }
}

/// Links `open-at` of both versions, over wasmtime's.
pub(crate) fn shadow(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(P2)?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, State>, (folder, flags, path, how, access): P2Arguments| {
            Box::new(async move {
                let state = store.data_mut();
                let _place = state.open_files.begin()?;
                let named = path.clone();
                let opening = opening!(p2, state, folder, flags, path, how, access);
                let origin = opening.as_ref().ok().and_then(|opening| opening.origin);
                let opened = match opening {
                    Ok(opening) => opening.open().await,
                    Err(fault) => Err(fault),
                };
                Ok((match store.data_mut().opened(opened, origin, &named)? {
                    Ok(opened) => Ok(opened),
                    Err(fault) => Err(fault.p2()?),
                },))
            })
        },
    )?;
    linker.instance(P3)?.func_wrap_concurrent(
        "[method]descriptor.open-at",
        |accessor: &Accessor<State>, (folder, flags, path, how, access): P3Arguments| {
            Box::pin(async move {
                let named = path.clone();
                let (_place, opening) = accessor.with(|mut store| -> wasmtime::Result<_> {
                    let state = store.get();
                    let place = state.open_files.begin()?;
                    Ok((place, opening!(p3, state, folder, flags, path, how, access)))
                })?;
                let origin = opening.as_ref().ok().and_then(|opening| opening.origin);
                let opened = match opening {
                    Ok(opening) => opening.open().await,
                    Err(fault) => Err(fault),
                };
                let opened = accessor.with(|mut store| store.get().opened(opened, origin, &named));
                Ok((match opened? {
                    Ok(opened) => Ok(opened),
                    Err(fault) => Err(fault.p3()?),
                },))
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_that_is_given_up_takes_no_place() {
        let mut files = OpenFiles::new(2);
        let opening = [files.begin().unwrap(), files.begin().unwrap()];
        assert!(files.begin().is_err());
        drop(opening);
        assert!(files.begin().is_ok());
    }

    #[test]
    fn what_was_closed_takes_no_place() {
        let mut files = OpenFiles::new(1);
        let open = Arc::new(tempfile::tempfile().unwrap());
        files.opened.push((Arc::downgrade(&open), None));
        assert!(files.begin().is_err());
        drop(open);
        assert!(files.begin().is_ok());
    }
}
