//! A component out of whatever a toolchain left: a component is taken as it is,
//! a core module with component types in it is made into one.

use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
use wit_component::ComponentEncoder;

use crate::{BuildError, Result};

/// The component in or made of `wasm`.
pub(crate) fn component(wasm: Vec<u8>) -> Result<Vec<u8>> {
    if wasm.starts_with(b"\0asm\x0d\0\x01\0") {
        return Ok(wasm);
    }
    if !wasm.starts_with(b"\0asm") {
        return Err(BuildError::other("this is not WebAssembly")
            .with_help("a plugin is a component: a `.wasm` file that its toolchain makes"));
    }
    let encode = || {
        ComponentEncoder::default()
            .module(&wasm)?
            .adapter("wasi_snapshot_preview1", WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
            .validate(true)
            .encode()
    };
    encode().map_err(|error| {
        BuildError::other(format!("the core module cannot become a component: {error:#}"))
            .with_help("a plugin's module carries the types of `distri:plugin`, which `distri_guest::export_plugin!` puts there")
    })
}
