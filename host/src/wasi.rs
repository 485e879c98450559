//! WASI as plugins have it: everything is linked, a store's data decides what is
//! there, and what a plugin asks to see is recorded.

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::cli::WasiCliView as _;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::{WasiView as _, p2, p3};
use wasmtime_wasi_io::bindings::wasi::io::error;

use crate::network::setters;
use crate::state::State;
use crate::{Capability, imports, listings, open_files};

/// Links WASI 0.2 and 0.3, and wasi:http 0.2 and 0.3.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    p2::add_to_linker_async(linker)?;
    p3::add_to_linker(linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    wasmtime_wasi_http::p3::add_to_linker(linker)?;
    linker.allow_shadowing(true);
    p2::bindings::filesystem::preopens::add_to_linker::<_, HasAsked>(linker, |state| Asked(state))?;
    p3::bindings::filesystem::preopens::add_to_linker::<_, HasAsked>(linker, |state| Asked(state))?;
    p2::bindings::cli::environment::add_to_linker::<_, HasAsked>(linker, |state| Asked(state))?;
    p3::bindings::cli::environment::add_to_linker::<_, HasAsked>(linker, |state| Asked(state))?;
    error::add_to_linker::<_, HasAsked>(linker, |state| Asked(state))?;
    setters::shadow(linker)?;
    open_files::shadow(linker)?;
    listings::shadow(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The state while a plugin asks what there is.
struct Asked<'a>(&'a mut State);

struct HasAsked;

impl HasData for HasAsked {
    type Data<'a> = Asked<'a>;
}

impl Asked<'_> {
    fn folders(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        if let Some(frame) = &self.0.frame {
            let grant = &frame.plugin.grant;
            for folder in &grant.asked().filesystem {
                // Asked to write and given to read: one use, and one refusal.
                let given = grant.folder(folder).unwrap_or(folder.access);
                let mut wanted = vec![given, folder.access];
                wanted.dedup();
                for access in wanted {
                    let (guest, path) = (folder.guest.as_str(), folder.path.as_str());
                    let capability = Capability::Filesystem { guest, path, access };
                    let _ = imports::authorise(frame, capability);
                }
            }
        }
        p2::bindings::filesystem::preopens::Host::get_directories(&mut self.0.filesystem())
    }

    fn variables(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        if let Some(frame) = &self.0.frame {
            for name in &frame.plugin.grant.asked().env {
                let _ = imports::authorise(frame, Capability::Env(name.as_str()));
            }
        }
        p2::bindings::cli::environment::Host::get_environment(&mut self.0.cli())
    }
}

impl p2::bindings::filesystem::preopens::Host for Asked<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.folders()
    }
}

impl p3::bindings::filesystem::preopens::Host for Asked<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.folders()
    }
}

impl p2::bindings::cli::environment::Host for Asked<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.variables()
    }

    /// No plugin has arguments.
    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl p3::bindings::cli::environment::Host for Asked<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.variables()
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn get_initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl error::Host for Asked<'_> {}

impl error::HostError for Asked<'_> {
    /// Without the backtrace that `RUST_BACKTRACE` adds: it tells of the host.
    fn to_debug_string(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<String> {
        Ok(format!("{:#}", self.0.ctx().table.get(&error)?))
    }

    fn drop(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<()> {
        error::HostError::drop(self.0.ctx().table, error)
    }
}
