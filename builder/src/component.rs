//! A component out of whatever a toolchain left: a component is taken as it is,
//! a core module with component types in it is made into one.

use distri_host::within_bounds;
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
use wit_component::ComponentEncoder;

use crate::{BuildError, Result};

/// Longest reason that is given, in bytes: it may quote a name of any length.
const REASON: usize = 2 << 10;

/// The component in or made of `wasm`.
pub(crate) fn component(wasm: Vec<u8>) -> Result<Vec<u8>> {
    if wasm.starts_with(b"\0asm\x0d\0\x01\0") {
        return Ok(wasm);
    }
    if !wasm.starts_with(b"\0asm") {
        return Err(BuildError::other("this is not WebAssembly")
            .with_help("a plugin is a component: a `.wasm` file that its toolchain makes"));
    }
    // A stranger's bytes, and parsers that were made for toolchains'.
    let encode = within_bounds(&wasm, || {
        ComponentEncoder::default()
            .module(&wasm)
            .and_then(|encoder| {
                encoder.adapter("wasi_snapshot_preview1", WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
            })
            .and_then(|encoder| encoder.validate(true).encode())
            .map_err(|error| format!("{error:#}"))
    });
    encode.map_err(|error| error.message().to_owned()).flatten().map_err(|why| {
        let why = why.get(..why.floor_char_boundary(REASON)).unwrap_or_default();
        BuildError::other(format!("the core module cannot become a component: {why}"))
            .with_help("a plugin's module carries the types of `distri:plugin`, which `distri_guest::export_plugin!` puts there")
    })
}
