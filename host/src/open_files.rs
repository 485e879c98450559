//! Files and folders that a guest holds open: the process has so many for all.

use std::fs::File;
use std::sync::{Arc, Weak};

use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, Linker, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{self as p2, HostDescriptor as _};
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

use crate::places::{Open, Place};
use crate::state::State;
use crate::{Error, ErrorKind};

/// The interfaces of files, as wasmtime links them.
pub(crate) const P2: &str = "wasi:filesystem/types@0.2.12";
pub(crate) const P3: &str = "wasi:filesystem/types@0.3.0";

/// What a store's guest has open: descriptors, and streams that outlive theirs. What
/// was closed is noticed when there seems to be too much.
pub(crate) struct OpenFiles {
    opened: Vec<Weak<File>>,
    /// Those about to be, and folders that are being read.
    opening: Open,
    max: u32,
}

impl OpenFiles {
    pub(crate) fn new(max: u32) -> Self {
        Self { opened: Vec::new(), opening: Open::default(), max }
    }

    /// Places for a folder while it is read: it is opened twice for that.
    pub(crate) fn begin_listing(&mut self) -> Result<Arc<[Place; 2]>, Error> {
        Ok(Arc::new([self.begin()?, self.begin()?]))
    }

    /// A place for one about to be opened.
    fn begin(&mut self) -> Result<Place, Error> {
        let max = self.max as usize;
        if self.opened.len() + self.opening.count() as usize >= max {
            self.opened.retain(|file| file.strong_count() > 0);
        }
        let room = max.saturating_sub(self.opened.len());
        self.opening.try_place(u32::try_from(room).unwrap_or(u32::MAX)).ok_or_else(|| {
            let message = format!("more than {max} files are open in one call");
            Error::over(ErrorKind::ResourceLimit, "open_files", max, message)
        })
    }

    /// Takes note of one that was opened.
    pub(crate) fn note(&mut self, table: &ResourceTable, opened: &Resource<Descriptor>) {
        let descriptor = table.get(opened).ok();
        self.opened.extend(descriptor.map(|descriptor| match descriptor {
            Descriptor::File(file) => Arc::downgrade(&file.file),
            Descriptor::Dir(folder) => Arc::downgrade(&folder.dir),
        }));
    }
}

type Arguments<Path, How, Flags> = (Resource<Descriptor>, Path, String, How, Flags);
type P2Arguments = Arguments<p2::PathFlags, p2::OpenFlags, p2::DescriptorFlags>;
type P3Arguments = Arguments<p3::PathFlags, p3::OpenFlags, p3::DescriptorFlags>;

/// Links `open-at` of both versions, over wasmtime's.
pub(crate) fn shadow(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance(P2)?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, State>, (folder, flags, path, how, access): P2Arguments| {
            Box::new(async move {
                let state = store.data_mut();
                let _place = state.open_files.begin()?;
                let opened = state.filesystem().open_at(folder, flags, path, how, access).await;
                Ok((match opened {
                    Ok(opened) => {
                        state.open_files.note(&state.table, &opened);
                        Ok(opened)
                    }
                    Err(error) => Err(error.downcast()?),
                },))
            })
        },
    )?;
    linker.instance(P3)?.func_wrap_concurrent(
        "[method]descriptor.open-at",
        |accessor: &Accessor<State>, (folder, flags, path, how, access): P3Arguments| {
            Box::pin(async move {
                let _place = accessor.with(|mut store| store.get().open_files.begin())?;
                let files = accessor.with_getter::<WasiFilesystem>(State::filesystem);
                let opened = <WasiFilesystem as p3::HostDescriptorWithStore<State>>::open_at(
                    &files, folder, flags, path, how, access,
                )
                .await;
                Ok((match opened {
                    Ok(opened) => {
                        accessor.with(|mut store| {
                            let state = store.get();
                            state.open_files.note(&state.table, &opened);
                        });
                        Ok(opened)
                    }
                    Err(error) => Err(error.downcast()?),
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
        files.opened.push(Arc::downgrade(&open));
        assert!(files.begin().is_err());
        drop(open);
        assert!(files.begin().is_ok());
    }
}
