//! Makes the bindings of the SDK for Rust authors: what `wit_bindgen::generate!` would make
//! of an interface in every author's build, for which a hundred crates are compiled.
//!
//! ```text
//! cargo run --manifest-path scripts/bindings/Cargo.toml
//! ```

use std::path::Path;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::Opts;

fn main() -> anyhow::Result<()> {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk-rust");
    for track in ["v0.2", "v0.3"] {
        let mut resolve = Resolve::default();
        let (package, sources) = resolve.push_path(sdk.join("wit").join(track))?;
        let world = resolve.select_world(&[package], Some("plugin"))?;
        let options = Opts {
            format: true,
            pub_export_macro: true,
            default_bindings_module: Some("distri_guest::__private::bindings".to_owned()),
            ..Opts::default()
        };
        let mut files = Files::default();
        options.build().generate(&mut resolve, world, &mut files)?;
        let (_, code) = files.iter().next().context("nothing was made")?;

        let mut paths: Vec<_> = sources.paths().collect();
        paths.sort();
        let mut digest = Sha256::new();
        for path in paths {
            digest.update(std::fs::read(path)?);
        }
        let head = format!(
            "// Made by scripts/bindings of wit/{track}, the digest of whose files is\n// {:x}\n\n",
            digest.finalize()
        );
        let path = sdk.join("src/bindings").join(format!("{track}.rs"));
        std::fs::create_dir_all(path.parent().context("no folder")?)?;
        std::fs::write(path, [head.as_bytes(), code].concat())?;
    }
    Ok(())
}
