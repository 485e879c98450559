//! The script engine: `QuickJS` linked against the `typescript-plugin` world. The
//! same bytes for every plugin, so that it is compiled once per machine.

use std::sync::{Arc, LazyLock};

use distri_host::Wit;
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
use wasm_encoder::{ComponentSectionId, Encode as _, RawSection, Section as _};
use wasmparser::{Parser, Payload};
use wasmtime_wizer::{ComponentContext, Wizer};
use wit_parser::Resolve;

use crate::loader::close;
use crate::shim::shim;
use crate::{BuildError, Result};

/// The version of the ABI that scripts are served through.
const TRACK: &str = "0.3.0";

/// QuickJS-ng as a dynamic library, which `make setup` puts there. Its world has what a
/// snapshot needs besides: an export `init`, and the import of a module loader.
const QUICKJS: &[u8] = include_bytes!("../quickjs.wasm");

/// What runs scripts, for people: `componentize-qjs` brings it.
pub const SCRIPT_ENGINE: &str = "QuickJS-ng (componentize-qjs 0.4.5)";

/// The engine, as snapshots are taken of it.
pub(crate) struct Engine {
    /// What takes snapshots knows of it.
    pub(crate) context: ComponentContext<'static>,
    /// The engine, with what tells the state of its memories and globals.
    pub(crate) instrumented: Arc<[u8]>,
    /// SHA-256 of that, in hexadecimal.
    pub(crate) digest: String,
    /// What is run before a script: the engine's helpers for streams and futures.
    pub(crate) shim: String,
}

/// The engine, linked on first use.
pub(crate) fn engine() -> Result<&'static Engine> {
    static ENGINE: LazyLock<Result<Engine, String>> =
        LazyLock::new(|| link().map_err(|error| format!("{error:#}")));
    ENGINE
        .as_ref()
        .map_err(|error| BuildError::other(format!("cannot link the script engine: {error}")))
}

fn link() -> anyhow::Result<Engine> {
    let mut resolve = Resolve::default();
    let wit = Wit::find(TRACK).ok_or_else(|| anyhow::anyhow!("the host has no {TRACK}"))?;
    for (name, text) in wit.deps {
        resolve.push_source(name, text)?;
    }
    let mut sources = wit_parser::SourceMap::default();
    for (name, text) in wit.files {
        sources.push_str(name, *text);
    }
    let package = resolve.push_group(sources.parse().map_err(|(_, error)| error)?)?;
    let world = resolve.select_world(&[package], Some("typescript-plugin"))?;

    let (mut bindings, metadata) = wit_dylib::create_with_metadata(&resolve, world, None);
    let shim = shim(&metadata);
    wit_component::embed_component_metadata(
        &mut bindings,
        &resolve,
        world,
        wit_component::StringEncoding::UTF8,
    )?;

    let mut parts = wit_component::Linker::default();
    parts.encoder().validate(true);
    // As much as the engine lets a script recurse. What lies in the first part of a memory
    // is cleared after each call whether it was used or not, and the stack lies first.
    parts.stack_size(256 << 10);
    parts.library("quickjs.wasm", QUICKJS, false)?;
    parts.library("bindings.wasm", &without_names(&bindings)?, false)?;
    parts.encoder().adapter("wasi_snapshot_preview1", WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
    // As long as this program runs, which has one.
    let linked: &'static [u8] = without_names(&parts.encode()?)?.leak();
    let (context, instrumented) = Wizer::new().instrument_component(linked)?;
    let digest = distri_host::digest(&instrumented);
    Ok(Engine { context, instrumented: instrumented.into(), digest, shim })
}

/// Closes the import that only the engine's initialisation uses, and takes out what no
/// machine reads.
pub(crate) fn finish(component: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(strip(&close(component)?, &|_| false)?)
}

/// The module or component without the names in it that only people read.
fn without_names(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(strip(wasm, &|name| !matches!(name, "name" | "component-name"))?)
}

/// Copies all sections but the custom ones whose names are not kept, in a module, or in a
/// component and everything in it.
fn strip(wasm: &[u8], keep: &impl Fn(&str) -> bool) -> wasmparser::Result<Vec<u8>> {
    let mut kept = Vec::with_capacity(wasm.len());
    // What a module or component within a component lies in, so far.
    let mut around: Vec<(ComponentSectionId, Vec<u8>)> = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::Version { range, .. } => kept.extend_from_slice(&wasm[range.clone()]),
            Payload::ModuleSection { .. } => {
                around.push((ComponentSectionId::CoreModule, std::mem::take(&mut kept)));
            }
            Payload::ComponentSection { .. } => {
                around.push((ComponentSectionId::Component, std::mem::take(&mut kept)));
            }
            Payload::End(_) => {
                if let Some((id, whole)) = around.pop() {
                    let inner = std::mem::replace(&mut kept, whole);
                    kept.push(id.into());
                    inner.encode(&mut kept);
                }
            }
            Payload::CustomSection(section) if !keep(section.name()) => {}
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    RawSection { id, data: &wasm[range] }.append_to(&mut kept);
                }
            }
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_sections_are_stripped_from_what_a_component_holds() {
        let custom = [0, 5, 3, b'a', b'b', b'c', 9];
        let module = [b"\0asm\x01\0\0\0".as_slice(), &custom].concat();
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        wasm.extend([1, 15]);
        wasm.extend(&module);
        wasm.extend(custom);
        let stripped = strip(&wasm, &|_| false).unwrap();
        assert_eq!(stripped, b"\0asm\x0d\0\x01\0\x01\x08\0asm\x01\0\0\0");
        assert_eq!(strip(&wasm, &|name| name == "abc").unwrap(), wasm);
    }

    #[test]
    fn only_names_are_stripped() {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        let empty = wasm.clone();
        wasm.extend([0, 6, 4, b'n', b'a', b'm', b'e', 9]);
        let other = [0, 5, 3, b'a', b'b', b'c', 9];
        wasm.extend(other);
        assert_eq!(without_names(&wasm).unwrap(), [empty.as_slice(), &other].concat());
        assert!(strip(&wasm[..wasm.len() - 1], &|_| true).is_err());
    }

    #[test]
    fn the_script_engine_is_the_one_that_was_meant() {
        let wanted = include_str!("../quickjs.sha256");
        assert_eq!(wanted.split_whitespace().next(), Some(&*distri_host::digest(QUICKJS)));
    }

    #[test]
    fn the_script_engine_is_called_by_its_version() {
        let pins = include_str!("../../scripts/quickjs/Cargo.toml");
        let (_, pinned) = pins.split_once("componentize-qjs = \"=").unwrap();
        let version = pinned.split('"').next().unwrap();
        assert!(SCRIPT_ENGINE.contains(version), "{SCRIPT_ENGINE} is pinned to {version}");
    }

    #[test]
    fn the_engine_links_to_the_same_bytes_each_time() {
        let [first, second] = [link().unwrap(), link().unwrap()];
        assert_eq!(first.digest, second.digest);
        assert_eq!(first.shim, second.shim);
    }
}
