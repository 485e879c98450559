//! Makes the script engine: `script-engine QUICKJS WIT FOLDER` writes `engine.wasm`, the
//! component, `engine.js`, what runs before every script, and `engine.instrumented`, the
//! digest of the component that snapshots are taken of.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [quickjs, wit, folder] = &*arguments else {
        anyhow::bail!("usage: script-engine QUICKJS WIT FOLDER");
    };
    let read = std::fs::read(quickjs);
    let quickjs = read.with_context(|| format!("cannot read {}", quickjs.display()))?;
    let engine = distri_quickjs::make(&quickjs, wit)?;
    std::fs::write(folder.join("engine.js"), engine.shim)?;
    std::fs::write(folder.join("engine.instrumented"), engine.instrumented)?;
    std::fs::write(folder.join("engine.wasm"), engine.component)?;
    Ok(())
}
