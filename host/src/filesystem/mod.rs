//! What plugins reach of the workspace's folders: WASI's interfaces of files over those
//! that were granted, held to the package's quota and to so many open at once.

mod faults;
mod folders;
mod granted;
mod held;
mod listings;
mod open;
mod own_folders;
mod streams;
mod view;
mod writes;

use wasmtime::component::Linker;

pub(crate) use self::folders::{Protected, open as open_folders};
pub(crate) use self::held::OpenFiles;
pub(crate) use self::own_folders::OwnFolders;
pub(crate) use self::view::{FilesCtx, FilesView};

/// Links all of it over wasmtime's, which is linked already.
pub(crate) fn shadow<T: FilesView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    granted::shadow(linker)?;
    open::shadow(linker)?;
    writes::shadow(linker)?;
    streams::shadow(linker)?;
    listings::shadow(linker)
}
