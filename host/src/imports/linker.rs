//! Everything that a plugin may import: the one place that links all capabilities.

use distri_call::Result;
use distri_call::error::internal;
use distri_network::{setters, waiting};
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::imports::wasi;
use crate::store::state::State;

/// Links WASI and `distri:plugin`. Linked is not granted: what a store's data
/// allows decides.
pub(crate) fn linking(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasi::add_to_linker(&mut linker).map_err(internal)?;
    // What they do themselves of WASI stands in wasmtime's place.
    linker.allow_shadowing(true);
    distri_filesystem::shadow(&mut linker).map_err(internal)?;
    setters::shadow(&mut linker).map_err(internal)?;
    linker.allow_shadowing(false);
    distri_tools::add_to_linker(&mut linker).map_err(internal)?;
    distri_databases::add_to_linker(&mut linker).map_err(internal)?;
    distri_web::add_to_linker(&mut linker).map_err(internal)?;
    waiting::add_to_linker(&mut linker).map_err(internal)?;
    Ok(linker)
}
