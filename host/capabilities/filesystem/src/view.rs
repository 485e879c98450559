//! What of a store the interfaces of files need.

use std::sync::Arc;

use distri_call::disk::Quota;
use distri_call::frame::Frame;
use distri_call::refused::Refused;
use distri_call::{Capability, Error, ErrorKind, door};
use distri_manifest::Access;
use wasmtime::component::Resource;
use wasmtime_wasi::WasiView;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};

use crate::faults::Fault;
use crate::held::OpenFiles;

/// The interfaces of files, as wasmtime links them.
pub(super) const P2: &str = "wasi:filesystem/types@0.2.12";
pub(super) const P3: &str = "wasi:filesystem/types@0.3.0";

/// What a store has for its guest's files.
pub struct FilesCtx<'a> {
    /// The call within which the guest asks.
    pub frame: Option<&'a Arc<Frame>>,
    /// What the guest holds open.
    pub open: &'a mut OpenFiles,
    /// Where it is told what was refused: a guest learns no more than a number.
    pub refusals: &'a Refused,
    /// What wasmtime keeps of them.
    pub wasi: WasiFilesystemCtxView<'a>,
}

/// A store whose guest may use files.
pub trait FilesView: WasiView + Send + 'static {
    /// What it has for them.
    fn files(&mut self) -> FilesCtx<'_>;
}

impl FilesCtx<'_> {
    /// What the guest may still put on disk.
    pub(super) fn quota(&self) -> Quota {
        self.frame.map_or_else(Quota::none, |frame| frame.quota())
    }

    /// Tells of an operation in a folder that the sandbox refused.
    pub(super) fn refused(&self, fault: &Fault, origin: Option<usize>, path: &str) {
        let Some(frame) = self.frame else { return };
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
        self.refusals.tell(&error);
    }

    /// Takes what came of it.
    pub(super) fn opened(
        &mut self,
        opened: Result<Descriptor, Fault>,
        origin: Option<usize>,
        path: &str,
    ) -> wasmtime::Result<Result<Resource<Descriptor>, Fault>> {
        Ok(match opened {
            Ok(opened) => {
                self.open.note(&opened, origin);
                Ok(self.wasi.table.push(opened)?)
            }
            Err(fault) => {
                self.refused(&fault, origin, path);
                Err(fault)
            }
        })
    }
}
