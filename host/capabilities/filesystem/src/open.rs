//! Opening files and folders over WASI. What is opened is a file or a folder, and
//! opening it waits for nobody.

use cap_fs_ext::{FileTypeExt as _, FollowSymlinks, OpenOptionsFollowExt as _};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use distri_call::disk::{Quota, Used};
use rustix::fs::OFlags;
use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, Linker, Resource};
use wasmtime_wasi::OpenMode;
use wasmtime_wasi::filesystem::{self, Descriptor};
use wasmtime_wasi::p2::bindings::filesystem::types as p2;
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

use crate::faults::{Fault, blocking_io};
use crate::held::handle;
use crate::view::{FilesView, P2, P3};

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
    ($types:ident, $files:ident, $folder:ident, $flags:ident, $path:ident, $how:ident, $access:ident) => {
        match $files.wasi.table.get(&$folder)? {
            Descriptor::File(_) => Err(Fault::NotAFolder),
            Descriptor::Dir(folder) => Ok(Opening {
                origin: $files.open.origin(&folder.dir),
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
                quota: $files.quota(),
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

/// Links `open-at` of both versions, over wasmtime's.
pub(super) fn shadow<T: FilesView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.instance(P2)?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, T>, (folder, flags, path, how, access): P2Arguments| {
            Box::new(async move {
                let files = store.data_mut().files();
                let _place = files.open.begin()?;
                let named = path.clone();
                let opening = opening!(p2, files, folder, flags, path, how, access);
                let origin = opening.as_ref().ok().and_then(|opening| opening.origin);
                let opened = match opening {
                    Ok(opening) => opening.open().await,
                    Err(fault) => Err(fault),
                };
                Ok((match store.data_mut().files().opened(opened, origin, &named)? {
                    Ok(opened) => Ok(opened),
                    Err(fault) => Err(fault.p2()?),
                },))
            })
        },
    )?;
    linker.instance(P3)?.func_wrap_concurrent(
        "[method]descriptor.open-at",
        |accessor: &Accessor<T>, (folder, flags, path, how, access): P3Arguments| {
            Box::pin(async move {
                let named = path.clone();
                let (_place, opening) = accessor.with(|mut store| -> wasmtime::Result<_> {
                    let files = store.get().files();
                    let place = files.open.begin()?;
                    Ok((place, opening!(p3, files, folder, flags, path, how, access)))
                })?;
                let origin = opening.as_ref().ok().and_then(|opening| opening.origin);
                let opened = match opening {
                    Ok(opening) => opening.open().await,
                    Err(fault) => Err(fault),
                };
                let opened =
                    accessor.with(|mut store| store.get().files().opened(opened, origin, &named));
                Ok((match opened? {
                    Ok(opened) => Ok(opened),
                    Err(fault) => Err(fault.p3()?),
                },))
            })
        },
    )
}
