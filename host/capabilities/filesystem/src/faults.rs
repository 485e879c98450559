//! What keeps a guest from doing something with a file: the system, or the sandbox.

use std::io;

use distri_call::Error;
use wasmtime_wasi::p2::bindings::filesystem::types as p2;
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

/// Why an operation on files was not done.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    /// The folder is granted for reading.
    ReadOnly,
    /// The path leads out of its folder.
    Outside,
    /// Neither a file nor a folder: a FIFO, a device, a socket.
    Odd(&'static str),
    NotAFolder,
    /// Not something to write to or read from.
    NotAFile,
    Invalid,
    Unsupported,
    /// A quota is used up: the call ends.
    Over(Error),
}

macro_rules! code {
    ($types:ident, $fault:ident) => {
        Ok(match $fault {
            Fault::Io(error) => error.into(),
            Fault::ReadOnly | Fault::Outside => $types::ErrorCode::NotPermitted,
            Fault::Odd(_) | Fault::Unsupported => $types::ErrorCode::Unsupported,
            Fault::NotAFolder => $types::ErrorCode::NotDirectory,
            Fault::NotAFile => $types::ErrorCode::BadDescriptor,
            Fault::Invalid => $types::ErrorCode::Invalid,
            Fault::Over(error) => return Err(error.into()),
        })
    };
}

impl Fault {
    /// WASI 0.2's word for it.
    ///
    /// # Errors
    ///
    /// When it ends the call.
    pub(super) fn p2(self) -> wasmtime::Result<p2::ErrorCode> {
        code!(p2, self)
    }

    /// WASI 0.3's.
    ///
    /// # Errors
    ///
    /// As [`Self::p2`].
    pub(super) fn p3(self) -> wasmtime::Result<p3::ErrorCode> {
        code!(p3, self)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        // So cap-std says that a path leads out: no system call failed.
        if error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
            return Self::Outside;
        }
        Self::Io(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Over(error)
    }
}

/// Runs work on files off the async workers.
pub(super) async fn blocking_io<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error).into()))
}
