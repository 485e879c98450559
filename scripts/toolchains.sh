#!/usr/bin/env bash
# Installs the toolchains of other languages that the conformance tests build
# plugins with: jco from npm, componentize-py from PyPI, cargo-component from
# crates.io. Into a cache folder of the user's, once; says what it could not. And
# Debian's PostgreSQL, where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=tests/conformance/tools
tools=${DISTRI_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/distri/tools}
# Compiled code lies beside it, in folders that nobody else may write.
(umask 077 && mkdir -p "$tools")
say() { printf '  %s\n' "$*" >&2; }

# Whether a part was installed from these very files.
current() { cmp --silent "$1" "$2"; }

if ! current "$wanted/package.json" "$tools/npm/package.json"; then
    if command -v npm >/dev/null; then
        mkdir -p "$tools/npm"
        rm -f "$tools/npm/package.json"
        cp "$wanted/package.json" "$tools/npm/new.json"
        (cd "$tools/npm" && mv new.json package.json && npm install --no-audit --no-fund --silent) ||
            { rm -f "$tools/npm/package.json"; say "npm cannot install jco"; }
    else
        say "no npm: TypeScript plugins are not built with jco"
    fi
fi

if ! current "$wanted/requirements.txt" "$tools/python/requirements.txt"; then
    if python3 -m venv "$tools/python" 2>/dev/null && "$tools/python/bin/pip" install --quiet -r "$wanted/requirements.txt"; then
        cp "$wanted/requirements.txt" "$tools/python/requirements.txt"
    else
        say "no Python with pip: Python plugins are not built"
    fi
fi

if ! [ -x "$tools/cargo/bin/cargo-component" ]; then
    say "building cargo-component, once (some minutes)"
    # It is run a few times: neither optimised nor told where its lines are.
    env -u CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=false CARGO_PROFILE_DEV_OPT_LEVEL=0 cargo install --quiet --locked --debug --root "$tools/cargo" cargo-component@0.21.1 ||
        say "cargo cannot install cargo-component"
fi
# The tests start a PostgreSQL server of their own from these programs.
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! { command -v pg_config && [ -x "$(pg_config --bindir)/initdb" ]; } >/dev/null 2>&1; then
    as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
    if command -v apt-get >/dev/null && as_root apt-get update -qq >&2 &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null; then
        say "installed PostgreSQL"
    else
        say "apt-get cannot install PostgreSQL"
    fi
fi
if command -v rustup >/dev/null; then
    rustup target list --installed | grep -qx wasm32-wasip1 ||
        timeout 120 rustup target add wasm32-wasip1 >/dev/null 2>&1 ||
        say "no wasm32-wasip1: cargo-component cannot build"
fi
