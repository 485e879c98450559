#!/usr/bin/env bash
# Fetches and installs everything that building and testing need. After it,
# both work without a network.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "setting up" >&2
command -v cargo >/dev/null || { echo "install Rust first: https://rustup.rs" >&2; exit 1; }
command -v npm >/dev/null || { echo "install Node.js with npm first: https://nodejs.org (Debian: apt-get install npm)" >&2; exit 1; }
# What the TypeScript SDK is made of besides its own sources, unless it is there.
if ! cmp --silent guest-sdk-ts/package-lock.json guest-sdk-ts/node_modules/.distri-lock.json; then
    npm ci --omit=dev --no-audit --no-fund --silent --prefix guest-sdk-ts
    cp guest-sdk-ts/package-lock.json guest-sdk-ts/node_modules/.distri-lock.json
fi

cargo fetch --locked --quiet
scripts/quickjs.sh
for manifest in {examples,bench/workspace,tests/conformance,tests/guests}/plugins/*/Cargo.toml cli/tests/e2e/seed/*/Cargo.toml; do
    cargo fetch --locked --quiet --manifest-path "$manifest"
done
scripts/rust-wasm-target.sh
