//! The engine's module loader: an import that only its initialisation uses. A finished
//! component has none of it.

use std::path::Path;
use std::sync::LazyLock;

use wasm_compose::composer::ComponentComposer;
use wasm_compose::config::Config;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// What the engine imports of it, by its name.
const INTERFACE: &str = "
package local:init;

interface module-loader {
    resolve: func(referrer: string, specifier: string) -> result<string, string>;
    load: func(path: string) -> result<string, string>;
}

world closed {
    export module-loader;
}
";

/// A component that has the loader, and traps when it is asked.
static CLOSED: LazyLock<Result<Vec<u8>, String>> =
    LazyLock::new(|| closed().map_err(|error| format!("{error:#}")));

fn closed() -> anyhow::Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("loader.wit", INTERFACE)?;
    let world = resolve.select_world(&[package], Some("closed"))?;
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().module(&module)?.validate(true).encode()
}

/// Gives an engine's component the loader that traps, in place of the import.
pub(crate) fn close(component: &[u8]) -> anyhow::Result<Vec<u8>> {
    let loader = CLOSED.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    // Components are composed from files.
    let folder = tempfile::tempdir()?;
    let put = |name: &str, bytes: &[u8]| -> anyhow::Result<_> {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    };
    let engine = put("engine.wasm", component)?;
    put("loader.wasm", loader)?;
    let config = Config {
        dir: folder.path().to_owned(),
        definitions: vec![Path::new("loader.wasm").to_owned()],
        ..Config::default()
    };
    ComponentComposer::new(&engine, &config).compose()
}
