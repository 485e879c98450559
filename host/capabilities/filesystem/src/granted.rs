//! The folders that a guest is told of when it asks; what it asks for and was not
//! granted is recorded.

use distri_call::{Capability, Error, ErrorKind, door};
use distri_manifest::Access;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::preopens as p2;
use wasmtime_wasi::p3::bindings::filesystem::preopens as p3;

use crate::view::{FilesCtx, FilesView};

/// The error of a plugin that looks for files and asks for no folder.
fn no_folder(package: &str) -> Error {
    let line = r#"filesystem = [{ guest = "/data", path = "data" }]"#;
    Error::new(ErrorKind::Denied, format!("`{package}` sees no folder: its manifest asks for none"))
        .with_hint(format!(
            "add `{line}`, or another folder, to `[capabilities]` in its `distri.toml`"
        ))
}

/// Links what says which folders there are, over wasmtime's.
pub(super) fn shadow<T: FilesView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    p2::add_to_linker::<T, HasFiles>(linker, T::files)?;
    p3::add_to_linker::<T, HasFiles>(linker, T::files)
}

struct HasFiles;

impl HasData for HasFiles {
    type Data<'a> = FilesCtx<'a>;
}

impl FilesCtx<'_> {
    fn folders(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        if let Some(frame) = self.frame {
            let grant = &frame.package.grant;
            for folder in &grant.asked().filesystem {
                // Asked to write and given to read: one use, and one refusal.
                let given = grant.folder(folder).unwrap_or(folder.access);
                let mut wanted = vec![given, folder.access];
                wanted.dedup();
                for access in wanted {
                    let (guest, path) = (folder.guest.as_str(), folder.path.as_str());
                    let capability = Capability::Filesystem { guest, path, access };
                    if let Err(error) = door::authorise(frame, capability) {
                        self.refusals.tell_of_folder(guest, &error);
                    }
                }
            }
            if grant.asked().filesystem.is_empty() {
                // What it looks for there is looked up by its own library, and found nowhere.
                let capability =
                    Capability::Filesystem { guest: "/…", path: "…", access: Access::Read };
                let _ = door::authorise(frame, capability);
                self.refusals.tell(&no_folder(frame.package.name.as_str()));
            }
        }
        let given = p2::Host::get_directories(&mut self.wasi)?;
        if let Some(frame) = self.frame {
            let asked = &frame.package.grant.asked().filesystem;
            for (folder, guest) in &given {
                if let Some(at) = asked.iter().position(|asked| asked.guest.as_str() == guest) {
                    self.open.grant(self.wasi.table, folder, at);
                }
            }
        }
        Ok(given)
    }
}

impl p2::Host for FilesCtx<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.folders()
    }
}

impl p3::Host for FilesCtx<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.folders()
    }
}
