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
        stubs: &STUBS,
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

/// What `QuickJS` imports and a script has no use of: the loader of modules, for it is one; the
/// adapter; and of WASI 0.2, which its standard library was compiled for, whatever the SDK has
/// of WASI 0.3. Left are the clocks, the seed of hash tables, and standard error for last
/// words. Each import that is not there is one less to look up for every instance.
static STUBS: [Stub; 22] = [
    stub("local:init/module-loader", "resolve", &RESOLVES_NOTHING),
    stub("local:init/module-loader", "load", &LOADS_NOTHING),
    stub("wasi_snapshot_preview1", "reset_adapter_state", &[]),
    stub("wasi:cli/environment@0.2.0", "get-environment", &EMPTY),
    stub("wasi:cli/exit@0.2.0", "exit", &TRAP),
    stub("wasi:cli/stdin@0.2.0", "get-stdin", &TRAP),
    stub("wasi:io/streams@0.2.0", "[resource-drop]input-stream", &[]),
    stub("wasi:cli/terminal-stdin@0.2.0", "get-terminal-stdin", &NONE),
    stub("wasi:cli/terminal-stdout@0.2.0", "get-terminal-stdout", &NONE),
    stub("wasi:cli/terminal-stderr@0.2.0", "get-terminal-stderr", &NONE),
    stub("wasi:cli/terminal-input@0.2.0", "[resource-drop]terminal-input", &[]),
    stub("wasi:cli/terminal-output@0.2.0", "[resource-drop]terminal-output", &[]),
    stub("wasi:clocks/monotonic-clock@0.2.0", "subscribe-duration", &TRAP),
    stub("wasi:io/poll@0.2.0", "poll", &TRAP),
    stub("wasi:filesystem/preopens@0.2.0", "get-directories", &EMPTY),
    stub("wasi:filesystem/types@0.2.0", "[resource-drop]descriptor", &[]),
    stub("wasi:filesystem/types@0.2.0", "[method]descriptor.read-via-stream", &TRAP),
    stub("wasi:filesystem/types@0.2.0", "[method]descriptor.write-via-stream", &TRAP),
    stub("wasi:filesystem/types@0.2.0", "[method]descriptor.append-via-stream", &TRAP),
    stub("wasi:filesystem/types@0.2.0", "[method]descriptor.get-flags", &TRAP),
    stub("wasi:filesystem/types@0.2.0", "[method]descriptor.stat", &TRAP),
    stub("wasi:filesystem/types@0.2.0", "[method]descriptor.metadata-hash", &TRAP),
];

const fn stub(
    module: &'static str,
    name: &'static str,
    does: &'static [Instruction<'static>],
) -> Stub {
    Stub { module, name, does }
}

/// What nothing gets to.
static TRAP: [Instruction<'static>; 1] = [Instruction::Unreachable];

/// Writes an empty list where the first local points.
static EMPTY: [Instruction<'static>; 6] = [
    Instruction::LocalGet(0),
    // An address, if one that is not read.
    Instruction::I32Const(8),
    Instruction::I32Store(at(0)),
    Instruction::LocalGet(0),
    Instruction::I32Const(0),
    Instruction::I32Store(at(4)),
];

/// Writes an option that is none where the first local points.
static NONE: [Instruction<'static>; 3] =
    [Instruction::LocalGet(0), Instruction::I32Const(0), Instruction::I32Store8(at(0))];

/// The answers of a loader, with what is asked for as one text or two before where they go.
static RESOLVES_NOTHING: [Instruction<'static>; 9] = refused(4);
static LOADS_NOTHING: [Instruction<'static>; 9] = refused(2);

/// Writes a `result<string, string>` that is an error without words where the local `to`
/// points.
const fn refused(to: u32) -> [Instruction<'static>; 9] {
    [
        Instruction::LocalGet(to),
        Instruction::I32Const(1),
        Instruction::I32Store8(at(0)),
        Instruction::LocalGet(to),
        // An address, if one that is not read.
        Instruction::I32Const(1),
        Instruction::I32Store(at(4)),
        Instruction::LocalGet(to),
        Instruction::I32Const(0),
        Instruction::I32Store(at(8)),
    ]
}

const fn at(offset: u64) -> MemArg {
    MemArg { offset, align: 0, memory_index: 0 }
}

#[cfg(test)]
mod tests;
