//! What changes files and folders over WASI, held to the package's quota. Each of them
//! is done on a thread that may block, by whoever holds the package's account.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use cap_fs_ext::MetadataExt as _;
use cap_std::fs::Dir;
use distri_call::disk::Quota;
use rustix::io::{Errno, ReadWriteFlags, pwritev2};
use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, Linker, Resource};
use wasmtime_wasi::filesystem::{self, Descriptor};

use crate::faults::{Fault, blocking_io};
use crate::held::handle;
use crate::view::{FilesCtx, FilesView, P2, P3};

/// Where bytes are written to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    At(u64),
    End,
}

/// Writes some of the bytes, and says how many.
pub(super) fn write(
    quota: &Quota,
    file: &File,
    bytes: &[u8],
    at: Position,
) -> Result<usize, Fault> {
    let mut used = quota.begin();
    let size = file.metadata()?.len();
    let length = bytes.len() as u64;
    let start = if let Position::At(start) = at { start } else { size };
    let end = start.checked_add(length).ok_or(io::Error::from(io::ErrorKind::FileTooLarge))?;
    let growth = if length == 0 { 0 } else { end.saturating_sub(size) };
    let hole = if length == 0 { 0 } else { start.saturating_sub(size) };
    quota.bytes(&mut used, length.saturating_add(hole), growth)?;
    let written = match at {
        Position::At(start) => file.write_at(bytes, start),
        Position::End => append(file, bytes),
    };
    let less = match &written {
        Ok(written) => (bytes.len() - written) as u64,
        Err(_) => growth,
    };
    used.shrunk(less.min(growth));
    Ok(written?)
}

/// Writes at the end, wherever it is: others may write there, too.
fn append(file: &File, bytes: &[u8]) -> io::Result<usize> {
    match pwritev2(file, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND) {
        // Not every file system can.
        Err(Errno::NOSYS | Errno::NOTSUP) => file.write_at(bytes, file.metadata()?.len()),
        written => Ok(written?),
    }
}

fn set_size(quota: &Quota, file: &File, size: u64) -> Result<(), Fault> {
    let mut used = quota.begin();
    let before = file.metadata()?.len();
    let growth = size.saturating_sub(before);
    quota.bytes(&mut used, growth, growth)?;
    match file.set_len(size) {
        Ok(()) => used.shrunk(before.saturating_sub(size)),
        Err(error) => {
            used.shrunk(growth);
            return Err(error.into());
        }
    }
    Ok(())
}

/// A file that is open for writing.
pub(super) fn writable(descriptor: &Descriptor) -> Result<Arc<File>, Fault> {
    match descriptor {
        Descriptor::Dir(_) => Err(Fault::NotAFile),
        Descriptor::File(file) if file.perms.write_not_permitted() => Err(Fault::ReadOnly),
        Descriptor::File(file) => Ok(Arc::clone(&file.file)),
    }
}

/// A folder whose entries may be changed.
fn changeable(descriptor: &Descriptor) -> Result<filesystem::Dir, Fault> {
    match descriptor {
        Descriptor::File(_) => Err(Fault::NotAFolder),
        Descriptor::Dir(folder) if folder.perms.write_not_permitted() => Err(Fault::ReadOnly),
        Descriptor::Dir(folder) => Ok(folder.clone()),
    }
}

fn opened(folder: &filesystem::Dir) -> io::Result<Dir> {
    Ok(Dir::from_std_file(folder.dir.try_clone()?))
}

/// What a guest does to the entries of a folder.
enum Change {
    CreateFolder,
    RemoveFolder,
    RemoveFile,
    Symlink {
        to: String,
    },
    /// A second name, in another folder.
    Link(filesystem::Dir, String),
    Rename(filesystem::Dir, String),
}

impl Change {
    fn make(self, quota: &Quota, folder: &filesystem::Dir, path: &str) -> Result<(), Fault> {
        let folder = opened(folder)?;
        let mut used = quota.begin();
        let new = matches!(self, Self::CreateFolder | Self::Symlink { .. } | Self::Link(..));
        if new {
            quota.file(&mut used)?;
        }
        let done = match self {
            Self::CreateFolder => folder.create_dir(path),
            Self::Symlink { to } => folder.symlink(to, path),
            Self::Link(other, name) => {
                opened(&other).and_then(|other| folder.hard_link(path, &other, name))
            }
            Self::RemoveFolder => folder.remove_dir(path).map(|()| used.file_gone()),
            Self::RemoveFile => {
                let was = held(&folder, path);
                folder.remove_file(path).map(|()| used.gone(was))
            }
            Self::Rename(other, name) => opened(&other).and_then(|other| {
                let replaced = other.symlink_metadata(&name).is_ok();
                let (was, moved) = (held(&other, &name), held(&folder, path));
                folder.rename(path, &other, &name)?;
                // Two names of one file: nothing happens to either.
                let same = was.is_some() && was == moved;
                if replaced && !same {
                    used.gone(was);
                }
                Ok(())
            }),
        };
        if done.is_err() && new {
            quota.not_made(&mut used);
        }
        Ok(done?)
    }
}

/// What of the disk a file's name holds: its device and inode, names and bytes.
fn held(folder: &Dir, path: &str) -> Option<(u64, u64, u64, u64)> {
    let found = folder.symlink_metadata(path).ok()?;
    found.is_file().then(|| (found.dev(), found.ino(), found.nlink(), found.len()))
}

/// Something to be done, and how it is told when it is refused.
struct Job<T> {
    work: Result<Box<dyn FnOnce() -> Result<T, Fault> + Send>, Fault>,
    origin: Option<usize>,
    path: String,
}

impl<T: Send + 'static> Job<T> {
    /// Something with an open file.
    fn on_file(
        files: &FilesCtx<'_>,
        file: &Resource<Descriptor>,
        work: impl FnOnce(&Quota, &File) -> Result<T, Fault> + Send + 'static,
    ) -> wasmtime::Result<Self> {
        let descriptor = files.wasi.table.get(file)?;
        let quota = files.quota();
        let file = writable(descriptor);
        Ok(Self {
            origin: files.open.origin(handle(descriptor)),
            path: String::new(),
            work: file.map(|file| Box::new(move || work(&quota, &file)) as _),
        })
    }

    async fn run(self) -> (Result<T, Fault>, Option<usize>, String) {
        let done = match self.work {
            Ok(work) => blocking_io(work).await,
            Err(fault) => Err(fault),
        };
        (done, self.origin, self.path)
    }
}

impl Job<()> {
    fn on_folder(
        files: &FilesCtx<'_>,
        folder: &Resource<Descriptor>,
        path: String,
        change: Result<Change, Fault>,
    ) -> wasmtime::Result<Self> {
        let descriptor = files.wasi.table.get(folder)?;
        let quota = files.quota();
        let named = path.clone();
        let work = changeable(descriptor).and_then(|folder| Ok((folder, change?)));
        Ok(Self {
            origin: files.open.origin(handle(descriptor)),
            path: named,
            work: work
                .map(|(folder, change)| Box::new(move || change.make(&quota, &folder, &path)) as _),
        })
    }

    /// Something with two folders.
    fn on_folders(
        files: &FilesCtx<'_>,
        (folder, path): (&Resource<Descriptor>, String),
        (other, name): (&Resource<Descriptor>, String),
        change: fn(filesystem::Dir, String) -> Change,
    ) -> wasmtime::Result<Self> {
        let other = changeable(files.wasi.table.get(other)?);
        Self::on_folder(files, folder, path, other.map(|other| change(other, name)))
    }
}

/// Links a function of both versions: its name, its arguments, and what is to be done.
macro_rules! shadow {
    ($linker:ident, $name:literal, ($($argument:ident: $type:ty),*), |$files:ident| $job:expr) => {
        $linker.instance(P2)?.func_wrap_async(
            concat!("[method]descriptor.", $name),
            |mut store: StoreContextMut<'_, T>, ($($argument,)*): ($($type,)*)| {
                Box::new(async move {
                    let job = {
                        let $files = &store.data_mut().files();
                        $job
                    };
                    let (done, origin, path) = job?.run().await;
                    Ok((match done {
                        Ok(done) => Ok(done),
                        Err(fault) => {
                            store.data_mut().files().refused(&fault, origin, &path);
                            Err(fault.p2()?)
                        }
                    },))
                })
            },
        )?;
        shadow!(p3 $linker, $name, ($($argument: $type),*), |$files| $job);
    };
    (p3 $linker:ident, $name:literal, ($($argument:ident: $type:ty),*), |$files:ident| $job:expr) => {
        $linker.instance(P3)?.func_wrap_concurrent(
            concat!("[method]descriptor.", $name),
            |accessor: &Accessor<T>, ($($argument,)*): ($($type,)*)| {
                Box::pin(async move {
                    let job = accessor.with(|mut store| {
                        let $files = &store.get().files();
                        $job
                    });
                    let (done, origin, path) = job?.run().await;
                    Ok((match done {
                        Ok(done) => Ok(done),
                        Err(fault) => {
                            accessor.with(|mut store| {
                                store.get().files().refused(&fault, origin, &path);
                            });
                            Err(fault.p3()?)
                        }
                    },))
                })
            },
        )?;
    };
}

type Handle = Resource<Descriptor>;

/// Links all of them, over wasmtime's.
pub(super) fn shadow<T: FilesView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    shadow!(linker, "set-size", (file: Handle, size: u64), |files| {
        Job::on_file(files, &file, move |quota, file| set_size(quota, file, size))
    });
    shadow!(linker, "create-directory-at", (folder: Handle, path: String), |files| {
        Job::on_folder(files, &folder, path, Ok(Change::CreateFolder))
    });
    shadow!(linker, "remove-directory-at", (folder: Handle, path: String), |files| {
        Job::on_folder(files, &folder, path, Ok(Change::RemoveFolder))
    });
    shadow!(linker, "unlink-file-at", (folder: Handle, path: String), |files| {
        Job::on_folder(files, &folder, path, Ok(Change::RemoveFile))
    });
    shadow!(linker, "symlink-at", (folder: Handle, to: String, path: String), |files| {
        Job::on_folder(files, &folder, path, Ok(Change::Symlink { to }))
    });
    shadow!(
        linker,
        "rename-at",
        (folder: Handle, path: String, other: Handle, name: String),
        |files| Job::on_folders(files, (&folder, path), (&other, name), Change::Rename)
    );
    link_at(linker)?;
    linker.instance(P2)?.func_wrap_async(
        "[method]descriptor.write",
        |mut store: StoreContextMut<'_, T>, (file, bytes, at): (Handle, Vec<u8>, u64)| {
            Box::new(async move {
                let job = Job::on_file(&store.data_mut().files(), &file, move |quota, file| {
                    write(quota, file, &bytes, Position::At(at)).map(|written| written as u64)
                });
                let (done, origin, path) = job?.run().await;
                Ok((match done {
                    Ok(written) => Ok(written),
                    Err(fault) => {
                        store.data_mut().files().refused(&fault, origin, &path);
                        Err(fault.p2()?)
                    }
                },))
            })
        },
    )?;
    Ok(())
}

/// `link-at`, whose flags are a type of each version.
fn link_at<T: FilesView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::filesystem::types as p2;
    use wasmtime_wasi::p3::bindings::filesystem::types as p3;

    fn job(
        files: &FilesCtx<'_>,
        follow: bool,
        (folder, path): (&Handle, String),
        (other, name): (&Handle, String),
    ) -> wasmtime::Result<Job<()>> {
        if follow {
            return Job::on_folder(files, folder, path, Err(Fault::Invalid));
        }
        Job::on_folders(files, (folder, path), (other, name), Change::Link)
    }

    linker.instance(P2)?.func_wrap_async(
        "[method]descriptor.link-at",
        |mut store: StoreContextMut<'_, T>,
         (folder, flags, path, other, name): (Handle, p2::PathFlags, String, Handle, String)| {
            Box::new(async move {
                let follow = flags.contains(p2::PathFlags::SYMLINK_FOLLOW);
                let job = job(&store.data_mut().files(), follow, (&folder, path), (&other, name));
                let (done, origin, path) = job?.run().await;
                Ok((match done {
                    Ok(()) => Ok(()),
                    Err(fault) => {
                        store.data_mut().files().refused(&fault, origin, &path);
                        Err(fault.p2()?)
                    }
                },))
            })
        },
    )?;
    linker.instance(P3)?.func_wrap_concurrent(
        "[method]descriptor.link-at",
        |accessor: &Accessor<T>,
         (folder, flags, path, other, name): (Handle, p3::PathFlags, String, Handle, String)| {
            Box::pin(async move {
                let follow = flags.contains(p3::PathFlags::SYMLINK_FOLLOW);
                let job = accessor
                    .with(|mut store| job(&store.get().files(), follow, (&folder, path), (&other, name)));
                let (done, origin, path) = job?.run().await;
                Ok((match done {
                    Ok(()) => Ok(()),
                    Err(fault) => {
                        accessor.with(|mut store| {
                            store.get().files().refused(&fault, origin, &path);
                        });
                        Err(fault.p3()?)
                    }
                },))
            })
        },
    )
}
