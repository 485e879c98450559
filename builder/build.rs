//! Says what to do where the npm package that the SDK's streams come from is missing.

use std::path::Path;

/// A link into what npm installs; in this crate as packed, the file itself.
const STREAMS: &str = "streams.mjs";

fn main() {
    println!("cargo::rerun-if-changed={STREAMS}");
    if !Path::new(STREAMS).is_file() {
        println!(
            "cargo::error=the npm package `web-streams-polyfill` is not installed: run `make setup`"
        );
    }
}
