//! What this program is: its version, the ABI versions it serves, its engines.

use std::sync::LazyLock;

use distri_builder::SCRIPT_ENGINE;
use distri_host::{WASMTIME_VERSION, Wit};
use serde_json::{Value, json};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `--version` says below the program's name; `-V` says the first word only.
pub(crate) fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{VERSION}\nplugins: distri:plugin {}\nengines: wasmtime {WASMTIME_VERSION}; {SCRIPT_ENGINE} for TypeScript",
            abi().join(" and ")
        )
    });
    &LONG
}

/// The same for machines.
pub(crate) fn json() -> Value {
    json!({
        "version": VERSION,
        "abi": abi(),
        "wasmtime": WASMTIME_VERSION,
        "script_engine": SCRIPT_ENGINE,
    })
}

fn abi() -> [&'static str; Wit::ALL.len()] {
    Wit::ALL.map(|wit| wit.version)
}
