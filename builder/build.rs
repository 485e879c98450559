//! Says what to do where what setup makes, or takes from others' packages, is missing.

use std::path::Path;

/// What is included, and where it comes from: a link into what npm installs, and what
/// `distri-quickjs` makes. In this crate as packed, the files themselves.
const OTHERS: [(&str, &str); 5] = [
    ("streams.mjs", "the npm package `web-streams-polyfill`"),
    ("engine.wasm", "the script engine"),
    ("engine.sha256", "the script engine's checksum"),
    ("engine.instrumented", "the checksum of what snapshots are taken of"),
    ("engine.js", "what runs before every script"),
];

fn main() {
    for (file, what) in OTHERS {
        println!("cargo::rerun-if-changed={file}");
        if !Path::new(file).is_file() {
            println!("cargo::error={what} is not there: run `make setup`");
        }
    }
}
