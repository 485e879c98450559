#!/usr/bin/env bash
# Runs the test of paged out memory, with a swap file that is there for as long. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "scripts/swap.sh: only root may swap" >&2; exit 1; }
cargo test "$@" --test adversarial --no-run
folder=$(mktemp -d -p /var/tmp)
trap 'swapoff "$folder/swap" 2>/dev/null || true; rm -rf "$folder"' EXIT
dd if=/dev/zero of="$folder/swap" bs=1M count=512 status=none
chmod 600 "$folder/swap"
mkswap "$folder/swap" >/dev/null
swapon "$folder/swap"
cargo test "$@" --test adversarial -- --ignored --nocapture swap::
