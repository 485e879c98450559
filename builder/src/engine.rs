//! The script engine, which every TypeScript plugin continues from.

use std::sync::{Arc, LazyLock};

use wasm_encoder::{ComponentSectionId, Encode as _, RawSection, Section as _};
use wasmparser::{Parser, Payload};
use wasmtime_wizer::{ComponentContext, Wizer};

use crate::{BuildError, Result};

/// `QuickJS-ng` and the bindings of the world `typescript-plugin`, as `distri-quickjs` links
/// them when the repository is set up. It has what a snapshot needs besides: an export `init`.
const COMPONENT: &[u8] = include_bytes!("../engine.wasm");

/// SHA-256 of that, in hexadecimal, and its name.
const CHECKSUM: &str = include_str!("../engine.sha256");

/// What is run before a script: the engine's helpers for streams and futures.
pub(crate) const SHIM: &str = include_str!("../engine.js");

/// What runs scripts, for people: `componentize-qjs` brings it.
pub const SCRIPT_ENGINE: &str = "QuickJS-ng (componentize-qjs 0.4.5)";

/// The engine, as snapshots are taken of it.
pub(crate) struct Engine {
    /// What takes snapshots knows of it.
    pub(crate) context: ComponentContext<'static>,
    /// The engine, with what tells the state of its memories and globals.
    pub(crate) instrumented: Arc<[u8]>,
}

/// SHA-256 of the instrumented engine, in hexadecimal.
pub(crate) const INSTRUMENTED: &str = include_str!("../engine.instrumented");

/// The engine, instrumented on first use.
pub(crate) fn engine() -> Result<&'static Engine> {
    static ENGINE: LazyLock<Result<Engine, String>> =
        LazyLock::new(|| instrument().map_err(|error| format!("{error:#}")));
    ENGINE
        .as_ref()
        .map_err(|error| BuildError::other(format!("cannot use the script engine: {error}")))
}

fn instrument() -> anyhow::Result<Engine> {
    let (context, instrumented) = Wizer::new().instrument_component(COMPONENT)?;
    Ok(Engine { context, instrumented: instrumented.into() })
}

/// What tells this engine from any other.
pub(crate) fn digest() -> &'static str {
    CHECKSUM.split_whitespace().next().unwrap_or_default()
}

/// Takes out what no machine reads: all custom sections, in a module, or in a component and
/// everything in it.
pub(crate) fn strip(wasm: &[u8]) -> wasmparser::Result<Vec<u8>> {
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
            Payload::CustomSection(_) => {}
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
        let stripped = strip(&wasm).unwrap();
        assert_eq!(stripped, b"\0asm\x0d\0\x01\0\x01\x08\0asm\x01\0\0\0");
        assert_eq!(strip(&stripped).unwrap(), stripped);
        assert!(strip(&wasm[..wasm.len() - 1]).is_err());
    }

    #[test]
    fn the_engine_is_known_by_its_digests() {
        assert_eq!(digest(), distri_host::digest(COMPONENT));
        assert_eq!(INSTRUMENTED, distri_host::digest(&engine().unwrap().instrumented));
    }

    #[test]
    fn the_script_engine_is_called_by_its_version() {
        let pins = include_str!("../../scripts/quickjs/Cargo.toml");
        let (_, pinned) = pins.split_once("componentize-qjs = \"=").unwrap();
        let version = pinned.split('"').next().unwrap();
        assert!(SCRIPT_ENGINE.contains(version), "{SCRIPT_ENGINE} is pinned to {version}");
    }
}
