//! The script engine: `QuickJS` and the bindings of the world `typescript-plugin` as one
//! component. The same bytes for every plugin, so that it is made once, when the
//! repository is set up, and compiled once per machine.

mod library;
mod link;
mod shim;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use wasm_encoder::{Instruction, MemArg};
use wasmtime_wizer::Wizer;
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

use crate::library::Library;
use crate::link::{Plan, Stub, link};

/// As much as the engine lets a script recurse. What lies in the first part of a memory
/// is cleared after each call whether it was used or not, and the stack lies first.
const STACK: u32 = 256 << 10;

/// The engine.
pub struct ScriptEngine {
    /// The component. A script is put into it by its export `init`.
    pub component: Vec<u8>,
    /// SHA-256 of the component with what tells the state of its memories and globals, in
    /// hexadecimal: snapshots are taken of that.
    pub instrumented: String,
    /// What is run before a script: the engine's helpers for streams and futures.
    pub shim: String,
}

/// Links `quickjs`, a dynamic library, with the bindings of the world in the folder `wit`.
///
/// # Errors
///
/// What is wrong with either of them.
pub fn make(quickjs: &[u8], wit: &Path) -> Result<ScriptEngine> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let world = resolve.select_world(&[package], Some("typescript-plugin"))?;
    let (mut bindings, metadata) = wit_dylib::create_with_metadata(&resolve, world, None);
    let shim = shim::shim(&metadata);
    wit_component::embed_component_metadata(&mut bindings, &resolve, world, StringEncoding::UTF8)?;
    let libraries = [Library::read(quickjs)?, Library::read(&bindings)?];
    let module = link(&Plan {
        libraries: &libraries,
        stubs: &[NO_RESOLVE, NO_LOAD, NO_ADAPTER],
        stack: STACK,
        exported: &|name| !name.starts_with("wit_dylib_") && !name.starts_with("__wasm"),
    })
    .context("cannot link the script engine")?;
    let component = ComponentEncoder::default().module(&module)?.validate(true).encode()?;
    let (_, instrumented) = Wizer::new().instrument_component(&component)?;
    let instrumented = hex(&instrumented);
    Ok(ScriptEngine { component, instrumented, shim })
}

/// SHA-256 in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The loader of modules: a script is one, and the loader has none.
const NO_RESOLVE: Stub =
    Stub { module: "local:init/module-loader", name: "resolve", does: &refused(4) };
const NO_LOAD: Stub = Stub { module: "local:init/module-loader", name: "load", does: &refused(2) };

/// What an adapter would be told, if there were one.
const NO_ADAPTER: Stub =
    Stub { module: "wasi_snapshot_preview1", name: "reset_adapter_state", does: &[] };

/// Writes a `result<string, string>` that is an error without words where the local `to`
/// points.
const fn refused(to: u32) -> [Instruction<'static>; 9] {
    const fn at(offset: u64) -> MemArg {
        MemArg { offset, align: 0, memory_index: 0 }
    }
    [
        Instruction::LocalGet(to),
        Instruction::I32Const(1),
        Instruction::I32Store8(at(0)),
        Instruction::LocalGet(to),
        // What an empty text has for an address.
        Instruction::I32Const(1),
        Instruction::I32Store(at(4)),
        Instruction::LocalGet(to),
        Instruction::I32Const(0),
        Instruction::I32Store(at(8)),
    ]
}

#[cfg(test)]
mod tests;
