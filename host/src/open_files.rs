//! Files and folders that a guest holds open: the process has so many for all.

use std::collections::HashSet;

use wasmtime::StoreContextMut;
use wasmtime::component::{Accessor, Linker, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{self as p2, HostDescriptor as _};
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

use crate::state::State;
use crate::{Error, ErrorKind};

/// The interfaces that `open-at` is of, as wasmtime links them.
const P2: &str = "wasi:filesystem/types@0.2.12";
const P3: &str = "wasi:filesystem/types@0.3.0";

/// What a store's guest has opened, by its place in the store's table. One that it
/// closed is noticed when there seem to be too many.
#[derive(Default)]
pub(crate) struct OpenFiles {
    opened: HashSet<u32>,
    /// Those about to be.
    opening: usize,
}

impl OpenFiles {
    pub(crate) fn begin(&mut self, table: &ResourceTable, max: usize) -> Result<(), Error> {
        if self.opened.len() + self.opening >= max {
            self.opened.retain(|&rep| table.get::<Descriptor>(&Resource::new_borrow(rep)).is_ok());
        }
        if self.opened.len() + self.opening >= max {
            let message = format!("more than {max} files are open in one call");
            return Err(Error::over(ErrorKind::ResourceLimit, "open_files", max, message));
        }
        self.opening += 1;
        Ok(())
    }

    fn end(&mut self, opened: Option<&Resource<Descriptor>>) {
        self.opening -= 1;
        self.opened.extend(opened.map(Resource::rep));
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
                state.begin_open()?;
                let opened = state.filesystem().open_at(folder, flags, path, how, access).await;
                state.open_files.end(opened.as_ref().ok());
                Ok((match opened {
                    Ok(opened) => Ok(opened),
                    Err(error) => Err(error.downcast()?),
                },))
            })
        },
    )?;
    linker.instance(P3)?.func_wrap_concurrent(
        "[method]descriptor.open-at",
        |accessor: &Accessor<State>, (folder, flags, path, how, access): P3Arguments| {
            Box::pin(async move {
                accessor.with(|mut store| store.get().begin_open())?;
                let files = accessor.with_getter::<WasiFilesystem>(State::filesystem);
                let opened = <WasiFilesystem as p3::HostDescriptorWithStore<State>>::open_at(
                    &files, folder, flags, path, how, access,
                )
                .await;
                accessor.with(|mut store| store.get().open_files.end(opened.as_ref().ok()));
                Ok((match opened {
                    Ok(opened) => Ok(opened),
                    Err(error) => Err(error.downcast()?),
                },))
            })
        },
    )
}
