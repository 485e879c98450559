#!/usr/bin/env bash
# Puts the script engine where the builder takes it from: QuickJS-ng as WebAssembly, as
# the crate componentize-qjs (Apache-2.0; QuickJS-ng itself: MIT) carries it. The crate
# is fetched by the checksum in scripts/quickjs/Cargo.lock, and not compiled.
set -euo pipefail
cd "$(dirname "$0")/.."
engine=builder/quickjs.wasm

same() { (cd builder && sha256sum --check --status quickjs.sha256 2>/dev/null); }

same && exit
crate=(--locked --manifest-path scripts/quickjs/Cargo.toml)
cargo fetch "${crate[@]}" --quiet
manifest=$(cargo metadata "${crate[@]}" --offline --format-version 1 |
    grep -o '"manifest_path":"[^"]*/componentize-qjs-[0-9.]*/Cargo.toml"' | cut -d '"' -f 4)
install -m 644 "$(dirname "$manifest")/prebuilt/runtime.wasm" "$engine"
same || { rm -f "$engine"; echo "scripts/quickjs.sh: the engine is not the one it should be" >&2; exit 1; }
