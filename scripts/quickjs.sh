#!/usr/bin/env bash
# Makes the script engine where the builder takes it from. QuickJS-ng as WebAssembly is
# what the crate componentize-qjs (Apache-2.0; QuickJS-ng itself: MIT) carries. The crate is
# fetched by the checksum in scripts/quickjs/Cargo.lock, and not compiled. `distri-quickjs`
# links it with the bindings of our world: see builder/quickjs.
set -euo pipefail
cd "$(dirname "$0")/.."
quickjs=builder/quickjs/quickjs.wasm

same() { (cd builder/quickjs && sha256sum --check --status quickjs.sha256 2>/dev/null); }

if ! same; then
    crate=(--locked --manifest-path scripts/quickjs/Cargo.toml)
    cargo fetch "${crate[@]}" --quiet
    manifest=$(cargo metadata "${crate[@]}" --offline --format-version 1 |
        grep -o '"manifest_path":"[^"]*/componentize-qjs-[0-9.]*/Cargo.toml"' | cut -d '"' -f 4)
    install -m 644 "$(dirname "$manifest")/prebuilt/runtime.wasm" "$quickjs"
    same || { rm -f "$quickjs"; echo "scripts/quickjs.sh: the engine is not the one it should be" >&2; exit 1; }
fi

# Everything that the linked engine depends on.
made=$(find builder/quickjs wit/v0.3 Cargo.lock scripts/quickjs.sh -type f -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum | sha256sum)
# Written last.
[ "$(cat builder/engine.made 2>/dev/null)" = "$made" ] && exit
echo "  linking the script engine, once (from nothing: compiles what that needs, minutes of what building needs anyway)" >&2
# As `make run` compiles, so that nothing is compiled twice.
cargo build --locked --release --workspace --example script-engine
"${CARGO_TARGET_DIR:-target}/release/examples/script-engine" "$quickjs" wit/v0.3 builder
(cd builder && sha256sum engine.wasm >engine.sha256)
echo "$made" >builder/engine.made
