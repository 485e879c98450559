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

pub use crate::folders::{Protected, open as open_folders};
pub use crate::held::OpenFiles;
pub use crate::own_folders::OwnFolders;
pub use crate::view::{FilesCtx, FilesView};

/// Links all of it over wasmtime's, which is linked already.
pub fn shadow<T: FilesView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    granted::shadow(linker)?;
    open::shadow(linker)?;
    writes::shadow(linker)?;
    streams::shadow(linker)?;
    listings::shadow(linker)
}
