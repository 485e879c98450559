//! Says what to do where what is taken from others' packages is missing.

use std::path::Path;

/// What is included, and where it comes from: a link into what npm installs, and what a
/// script takes out of a crate. In this crate as packed, the files themselves.
const OTHERS: [(&str, &str); 2] = [
    ("streams.mjs", "the npm package `web-streams-polyfill`"),
    ("quickjs.wasm", "the script engine"),
];

fn main() {
    for (file, what) in OTHERS {
        println!("cargo::rerun-if-changed={file}");
        if !Path::new(file).is_file() {
            println!("cargo::error={what} is not there: run `make setup`");
        }
    }
}
