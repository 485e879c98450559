//! Streams that a guest writes files through, of WASI 0.2 and 0.3, held to the package's
//! quota: wasmtime's write whatever comes.

use std::fs::File;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use distri_call::disk::Quota;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    FutureReader, Linker, Resource, Source, StreamConsumer, StreamReader, StreamResult,
};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types as p2;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError};
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

use crate::faults::Fault;
use crate::held::handle;
use crate::view::{FilesCtx, FilesView, P2, P3};
use crate::writes::{Position, writable, write};

/// Bytes that are taken at once from a stream.
const PIECE: usize = 64 << 10;

type Handle = Resource<Descriptor>;
type Writing = JoinHandle<Result<usize, Fault>>;

/// A file that is being written.
struct Target {
    file: Arc<File>,
    at: Position,
    quota: Quota,
}

impl Target {
    /// Of a call; a refusal is told.
    fn of(
        files: &FilesCtx<'_>,
        file: &Handle,
        at: Position,
    ) -> wasmtime::Result<Result<Self, Fault>> {
        let descriptor = files.wasi.table.get(file)?;
        let file = writable(descriptor);
        if let Err(fault) = &file {
            files.refused(fault, files.open.origin(handle(descriptor)), "");
        }
        let quota = files.quota();
        Ok(file.map(|file| Self { file, at, quota }))
    }

    /// Writes on a thread that may block: all of it, or up to a fault.
    fn begin(&self, bytes: bytes::Bytes) -> Writing {
        let (file, quota, mut at) = (Arc::clone(&self.file), self.quota.clone(), self.at);
        tokio::task::spawn_blocking(move || {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let written = write(&quota, &file, rest, at)?;
                if written == 0 {
                    return Err(std::io::Error::from(std::io::ErrorKind::WriteZero).into());
                }
                rest = rest.get(written..).unwrap_or_default();
                if let Position::At(at) = &mut at {
                    *at += written as u64;
                }
            }
            Ok(bytes.len())
        })
    }

    fn wrote(&mut self, bytes: usize) {
        if let Position::At(at) = &mut self.at {
            *at = at.saturating_add(bytes as u64);
        }
    }
}

/// Links them, over wasmtime's.
pub(super) fn shadow<T: FilesView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    fn begin<T: FilesView>(
        mut store: StoreContextMut<'_, T>,
        file: &Handle,
        at: Position,
    ) -> wasmtime::Result<Result<Resource<DynOutputStream>, p2::ErrorCode>> {
        let files = store.data_mut().files();
        Ok(match Target::of(&files, file, at)? {
            Ok(target) => {
                let stream: DynOutputStream = Box::new(Output { target, state: Ready::Yes });
                Ok(files.wasi.table.push(stream)?)
            }
            Err(fault) => Err(fault.p2()?),
        })
    }

    let mut p2 = linker.instance(P2)?;
    p2.func_wrap(
        "[method]descriptor.write-via-stream",
        |store: StoreContextMut<'_, T>, (file, at): (Handle, u64)| {
            Ok((begin(store, &file, Position::At(at))?,))
        },
    )?;
    p2.func_wrap(
        "[method]descriptor.append-via-stream",
        |store: StoreContextMut<'_, T>, (file,): (Handle,)| {
            Ok((begin(store, &file, Position::End)?,))
        },
    )?;

    let mut p3 = linker.instance(P3)?;
    p3.func_wrap(
        "[method]descriptor.write-via-stream",
        |store: StoreContextMut<'_, T>, (file, data, at): (Handle, StreamReader<u8>, u64)| {
            Ok((pipe(store, &file, data, Position::At(at))?,))
        },
    )?;
    p3.func_wrap(
        "[method]descriptor.append-via-stream",
        |store: StoreContextMut<'_, T>, (file, data): (Handle, StreamReader<u8>)| {
            Ok((pipe(store, &file, data, Position::End)?,))
        },
    )
}

/// As 0.2 has it.
struct Output {
    target: Target,
    state: Ready,
}

enum Ready {
    Yes,
    Writing(Writing),
    Failed(Fault),
    Closed,
}

impl Output {
    fn failed(&mut self) -> StreamError {
        match std::mem::replace(&mut self.state, Ready::Closed) {
            Ready::Failed(Fault::Over(error)) => StreamError::Trap(error.into()),
            Ready::Failed(Fault::Io(error)) => StreamError::LastOperationFailed(error.into()),
            Ready::Failed(fault) => {
                let error = std::io::Error::other(format!("{fault:?}"));
                StreamError::LastOperationFailed(error.into())
            }
            _ => StreamError::Closed,
        }
    }
}

#[async_trait::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        if let Ready::Writing(writing) = &mut self.state {
            let written = writing.await;
            self.state =
                match written.unwrap_or_else(|error| Err(std::io::Error::other(error).into())) {
                    Ok(bytes) => {
                        self.target.wrote(bytes);
                        Ready::Yes
                    }
                    Err(fault) => Ready::Failed(fault),
                };
        }
    }
}

#[async_trait::async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: bytes::Bytes) -> Result<(), StreamError> {
        match self.state {
            Ready::Yes if bytes.len() <= PIECE => {
                self.state = Ready::Writing(self.target.begin(bytes));
                Ok(())
            }
            Ready::Closed => Err(StreamError::Closed),
            _ => Err(StreamError::trap("more was written than there was room for")),
        }
    }

    /// What was taken is written already, or is being written.
    fn flush(&mut self) -> Result<(), StreamError> {
        match self.state {
            Ready::Yes | Ready::Writing(_) => Ok(()),
            Ready::Failed(_) | Ready::Closed => Err(self.failed()),
        }
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        match self.state {
            Ready::Yes => Ok(PIECE),
            Ready::Writing(_) => Ok(0),
            Ready::Failed(_) | Ready::Closed => Err(self.failed()),
        }
    }

    async fn cancel(&mut self) {
        // It cannot be stopped, and must not be followed by any number of others.
        self.ready().await;
        self.state = Ready::Closed;
    }
}

type Outcome = Result<(), p3::ErrorCode>;

/// As 0.3 has it.
struct Consumer {
    target: Target,
    writing: Option<Writing>,
    outcome: Option<oneshot::Sender<Outcome>>,
}

fn pipe<T: FilesView>(
    mut store: StoreContextMut<'_, T>,
    file: &Handle,
    mut data: StreamReader<u8>,
    at: Position,
) -> wasmtime::Result<FutureReader<Outcome>> {
    let (sender, outcome) = oneshot::channel();
    match Target::of(&store.data_mut().files(), file, at)? {
        Ok(target) => {
            let consumer = Consumer { target, writing: None, outcome: Some(sender) };
            data.pipe(&mut store, consumer)?;
        }
        Err(fault) => {
            data.close(&mut store)?;
            // Nobody need wait for it.
            let _ = sender.send(Err(fault.p3()?));
        }
    }
    FutureReader::new(&mut store, outcome)
}

impl Consumer {
    fn end(&mut self, how: Outcome) {
        if let Some(outcome) = self.outcome.take() {
            // Nobody need wait for it.
            let _ = outcome.send(how);
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.end(Ok(()));
    }
}

impl<T: FilesView> StreamConsumer<T> for Consumer {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, T>,
        source: Source<'_, Self::Item>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut source = source.as_direct(store);
        let me = &mut *self;
        let writing = me.writing.get_or_insert_with(|| {
            let remaining = source.remaining();
            let piece = remaining.get(..PIECE).unwrap_or(remaining);
            me.target.begin(bytes::Bytes::copy_from_slice(piece))
        });
        // It cannot be stopped: whoever cancels waits for it.
        let written = ready!(Pin::new(writing).poll(cx));
        me.writing = None;
        let written = written.unwrap_or_else(|error| Err(std::io::Error::other(error).into()));
        Poll::Ready(Ok(match written {
            Ok(bytes) => {
                source.mark_read(bytes);
                me.target.wrote(bytes);
                StreamResult::Completed
            }
            Err(fault) => {
                me.end(Err(fault.p3()?));
                StreamResult::Dropped
            }
        }))
    }
}
