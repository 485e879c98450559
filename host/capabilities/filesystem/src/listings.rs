//! Reading folders over WASI: some entries at a time, when the guest wants them.
//! wasmtime's own takes a whole folder into memory over 0.2, and over 0.3 a thread for
//! as long as the guest likes.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cap_fs_ext::FileTypeExt as _;
use cap_std::fs::{Dir, DirEntry, FileType, ReadDir};
use distri_call::places::Place;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Destination, FutureReader, Linker, Resource, ResourceTable, ResourceType, StreamProducer,
    StreamReader, StreamResult, VecBuffer,
};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types as p2;
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

use crate::view::{FilesView, P2, P3};

/// Entries that are read at once.
const LOT: usize = 64;

/// Links `read-directory` of both versions, over wasmtime's.
pub(super) fn shadow<T: FilesView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut p2 = linker.instance(P2)?;
    let listing = ResourceType::host::<Listing>();
    p2.resource("directory-entry-stream", listing, |mut store, listing| {
        store.data_mut().files().wasi.table.delete(Resource::<Listing>::new_own(listing))?;
        Ok(())
    })?;
    p2.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, T>, (folder,): (Resource<Descriptor>,)| {
            let files = store.data_mut().files();
            Ok((match Rest::of(files.wasi.table, &folder)? {
                Ok(rest) => {
                    let places = files.open.begin_listing()?;
                    Ok(files.wasi.table.push(Listing { ready: VecDeque::new(), rest, places })?)
                }
                Err(fault) => Err(fault.p2()),
            },))
        },
    )?;
    p2.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store: StoreContextMut<'_, T>, (listing,): (Resource<Listing>,)| {
            Box::new(async move {
                let listing = store.data_mut().files().wasi.table.get_mut(&listing)?;
                Ok((listing.next().await.map_err(Fault::p2),))
            })
        },
    )?;
    linker.instance(P3)?.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, T>, (folder,): (Resource<Descriptor>,)| {
            let files = store.data_mut().files();
            let (sender, outcome) = oneshot::channel();
            let stream = Stream {
                rest: Rest::of(files.wasi.table, &folder)?.unwrap_or_else(Rest::failed),
                reading: None,
                outcome: Some(sender),
                places: files.open.begin_listing()?,
            };
            let stream = StreamReader::new(&mut store, stream)?;
            Ok(((stream, FutureReader::new(&mut store, outcome)?),))
        },
    )
}

/// What of a folder is still to be read.
enum Rest {
    All(Arc<File>),
    Some(ReadDir),
    Over(Result<(), Fault>),
}

/// What was read at once, and what is left.
type Read = (Vec<Result<Entry, Fault>>, Rest);

struct Entry {
    kind: FileType,
    name: String,
}

#[derive(Debug)]
enum Fault {
    Io(io::Error),
    NotAFolder,
    /// A name that is no Unicode.
    Name,
}

impl Rest {
    fn of(
        table: &ResourceTable,
        folder: &Resource<Descriptor>,
    ) -> wasmtime::Result<Result<Self, Fault>> {
        Ok(match table.get(folder)? {
            Descriptor::Dir(folder) => Ok(Self::All(Arc::clone(&folder.dir))),
            Descriptor::File(_) => Err(Fault::NotAFolder),
        })
    }

    const fn failed(fault: Fault) -> Self {
        Self::Over(Err(fault))
    }

    /// Takes what there is, to read it elsewhere.
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Over(Ok(())))
    }

    /// How it ended.
    fn end(self) -> Result<(), Fault> {
        if let Self::Over(how) = self { how } else { Ok(()) }
    }

    /// Reads on, on a thread that may block: some entries, and none when that was all.
    /// The places are kept meanwhile, whatever becomes of who asked.
    fn read(self, places: &Arc<[Place; 2]>) -> JoinHandle<Read> {
        let places = Arc::clone(places);
        spawn_blocking(move || {
            let mut entries = Vec::new();
            let rest = self.read_to(&mut entries).unwrap_or_else(Self::failed);
            drop(places);
            (entries, rest)
        })
    }

    fn read_to(self, entries: &mut Vec<Result<Entry, Fault>>) -> Result<Self, Fault> {
        let mut folder = match self {
            Self::All(folder) => Dir::from_std_file(folder.try_clone()?).entries()?,
            Self::Some(folder) => folder,
            Self::Over(_) => return Ok(self),
        };
        while entries.len() < LOT {
            match folder.next() {
                None => return Ok(Self::Over(Ok(()))),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(entry)) => entries.extend(Entry::of(&entry).transpose()),
            }
        }
        Ok(Self::Some(folder))
    }
}

impl Entry {
    /// None when it is gone already.
    fn of(entry: &DirEntry) -> Result<Option<Self>, Fault> {
        let name = entry.file_name().into_string().map_err(|_| Fault::Name)?;
        let mut kind = entry.file_type()?;
        if kind == FileType::unknown() {
            // Not all file systems say it where the name is.
            kind = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                found => found?.file_type(),
            };
        }
        Ok(Some(Self { kind, name }))
    }

    fn p2(self) -> p2::DirectoryEntry {
        let type_ = match self.kind {
            kind if kind.is_dir() => p2::DescriptorType::Directory,
            kind if kind.is_file() => p2::DescriptorType::RegularFile,
            kind if kind.is_symlink() => p2::DescriptorType::SymbolicLink,
            kind if kind.is_block_device() => p2::DescriptorType::BlockDevice,
            kind if kind.is_char_device() => p2::DescriptorType::CharacterDevice,
            kind if kind.is_fifo() => p2::DescriptorType::Fifo,
            kind if kind.is_socket() => p2::DescriptorType::Socket,
            _ => p2::DescriptorType::Unknown,
        };
        p2::DirectoryEntry { type_, name: self.name }
    }

    fn p3(self) -> p3::DirectoryEntry {
        let type_ = match self.kind {
            kind if kind.is_dir() => p3::DescriptorType::Directory,
            kind if kind.is_file() => p3::DescriptorType::RegularFile,
            kind if kind.is_symlink() => p3::DescriptorType::SymbolicLink,
            kind if kind.is_block_device() => p3::DescriptorType::BlockDevice,
            kind if kind.is_char_device() => p3::DescriptorType::CharacterDevice,
            kind if kind.is_fifo() => p3::DescriptorType::Fifo,
            kind if kind.is_socket() => p3::DescriptorType::Socket,
            _ => p3::DescriptorType::Other(None),
        };
        p3::DirectoryEntry { type_, name: self.name }
    }
}

impl Fault {
    fn p2(self) -> p2::ErrorCode {
        match self {
            Self::Io(error) => error.into(),
            Self::NotAFolder => p2::ErrorCode::NotDirectory,
            Self::Name => p2::ErrorCode::IllegalByteSequence,
        }
    }

    fn p3(self) -> p3::ErrorCode {
        match self {
            Self::Io(error) => error.into(),
            Self::NotAFolder => p3::ErrorCode::NotDirectory,
            Self::Name => p3::ErrorCode::IllegalByteSequence,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A folder as 0.2 reads it.
struct Listing {
    /// What was read and not taken.
    ready: VecDeque<Result<Entry, Fault>>,
    rest: Rest,
    places: Arc<[Place; 2]>,
}

impl Listing {
    async fn next(&mut self) -> Result<Option<p2::DirectoryEntry>, Fault> {
        if self.ready.is_empty() {
            let read = self.rest.take().read(&self.places).await.map_err(io::Error::other)?;
            self.ready = read.0.into();
            self.rest = read.1;
        }
        match (self.ready.pop_front(), &self.rest) {
            (None, Rest::Over(_)) => self.rest.take().end().map(|()| None),
            (entry, _) => entry.transpose().map(|entry| entry.map(Entry::p2)),
        }
    }
}

/// A folder as 0.3 reads it.
struct Stream {
    rest: Rest,
    reading: Option<JoinHandle<Read>>,
    outcome: Option<oneshot::Sender<Result<(), p3::ErrorCode>>>,
    places: Arc<[Place; 2]>,
}

impl Stream {
    fn end(&mut self, how: Result<(), p3::ErrorCode>) {
        if let Some(outcome) = self.outcome.take() {
            // Nobody need wait for it.
            let _ = outcome.send(how);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(reading) = &self.reading {
            reading.abort();
        }
        self.end(Ok(()));
    }
}

impl<T: FilesView> StreamProducer<T> for Stream {
    type Item = p3::DirectoryEntry;
    type Buffer = VecBuffer<p3::DirectoryEntry>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, T>,
        mut to: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        // Whether there is any is found out by taking it.
        if to.remaining(&mut store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        if finish && self.reading.is_none() {
            return Poll::Ready(Ok(StreamResult::Cancelled));
        }
        let Self { rest, reading, places, .. } = &mut *self;
        // One that is begun is waited for even so: a guest that gives up at once would
        // leave as many behind as it likes.
        let reading = reading.get_or_insert_with(|| rest.take().read(places));
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        let failed = |error| (Vec::new(), Rest::failed(Fault::Io(io::Error::other(error))));
        let (entries, rest) = read.unwrap_or_else(failed);
        self.rest = rest;
        let mut whole = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry {
                Ok(entry) => whole.push(entry.p3()),
                Err(fault) => {
                    self.rest = Rest::failed(fault);
                    break;
                }
            }
        }
        if !whole.is_empty() {
            to.set_buffer(whole.into());
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let how = self.rest.take().end();
        self.end(how.map_err(Fault::p3));
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}
