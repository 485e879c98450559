#!/usr/bin/env bash
# Fetches and installs everything that building and testing need. After it,
# both work without a network.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "setting up" >&2
command -v cargo >/dev/null || { echo "install Rust first: https://rustup.rs" >&2; exit 1; }
cargo fetch --locked --quiet
for manifest in {examples,bench/workspace,tests/conformance}/plugins/*/Cargo.toml tests/e2e/seed/*/Cargo.toml; do
    cargo fetch --locked --quiet --manifest-path "$manifest"
done
scripts/rust-wasm-target.sh
