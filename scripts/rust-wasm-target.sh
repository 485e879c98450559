#!/usr/bin/env bash
# Makes a wasm target usable for Rust plugins: the one that is installed; else
# by rustup; else from the distribution's packages, as a toolchain of our own
# that `distri build` finds. Says what to do when none of them works, and
# succeeds then too: TypeScript plugins need no wasm target.
set -euo pipefail

target=wasm32-wasip2
toolchain=${DISTRI_RUST_WASM:-${XDG_DATA_HOME:-$HOME/.local/share}/distri/rust-wasm}
packages=(rustc-web cargo-web rust-web-src rust-web-llvm wasi-libc clang-22 lld-22 libclang-rt-22-dev-wasm32)

say() { printf '  %s\n' "$*" >&2; }

# Whether a compiler has the target's standard library.
has_target() {
    local folder
    folder=$("$1" --print target-libdir --target "$target" 2>/dev/null) && compgen -G "$folder/libstd-*.rlib" >/dev/null
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

give_up() {
    say "no wasm target for Rust plugins: $1"
    say "install one with 'rustup target add $target'; TypeScript plugins build without it"
    exit 0
}

if has_target rustc; then
    say "rustc has $target"
    exit 0
fi
if [ -x "$toolchain/bin/rustc" ] && has_target "$toolchain/bin/rustc"; then
    say "$toolchain has $target"
    exit 0
fi
if command -v rustup >/dev/null && timeout 120 rustup target add "$target" >/dev/null 2>&1 && has_target rustc; then
    say "installed $target with rustup"
    exit 0
fi

command -v apt-get >/dev/null || give_up "rustup cannot install it, and this system has no apt-get"
say "rustup cannot install $target: building it from the distribution's packages, once (about two minutes)"
if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
    as_root apt-get update -qq >&2 || give_up "apt-get cannot update"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
        give_up "apt-get cannot install ${packages[*]}"
fi

# The linkers come with the compiler that builds Distri.
host=$(rustc -vV | sed -n 's/^host: //p')
linkers=$(rustc --print sysroot)/lib/rustlib/$host/bin
[ -x "$linkers/wasm-component-ld" ] || give_up "rustc brings no wasm-component-ld"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/empty" "$work/empty/src"
printf '[package]\nname = "empty"\nversion = "0.1.0"\nedition = "2021"\n' >"$work/empty/Cargo.toml"
: >"$work/empty/src/lib.rs"
(
    cd "$work/empty"
    env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET PATH="$linkers:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
        RUSTFLAGS="-L native=/usr/lib/wasm32-wasi -C embed-bitcode=yes" \
        /usr/bin/cargo build --quiet -Zbuild-std=std,panic_abort --target "$target" --release
) || give_up "the standard library does not build"

# A sysroot of our own: the distribution's libraries for this machine, ours for wasm.
new=$work/toolchain
libraries=$new/sysroot/lib/rustlib
mkdir -p "$new/bin" "$libraries/$target/lib/self-contained"
ln -s "/usr/lib/rustlib/$host" "$libraries/$host"
cp "$work/empty/target/$target/release/deps/"*.rlib "$libraries/$target/lib/"
rm -f "$libraries/$target/lib/"libempty-*
cp /usr/lib/wasm32-wasi/{libc.a,crt1-command.o,crt1-reactor.o} "$libraries/$target/lib/self-contained/"
cat >"$new/bin/rustc" <<EOF
#!/bin/sh
PATH="$linkers:\$PATH" exec /usr/bin/rustc --sysroot "$toolchain/sysroot" "\$@"
EOF
cat >"$new/bin/cargo" <<EOF
#!/bin/sh
unset RUSTUP_TOOLCHAIN CARGO
RUSTC="$toolchain/bin/rustc" exec /usr/bin/cargo "\$@"
EOF
chmod +x "$new/bin/rustc" "$new/bin/cargo"
mkdir -p "$(dirname "$toolchain")"
rm -rf "$toolchain"
mv "$new" "$toolchain"
has_target "$toolchain/bin/rustc" || give_up "the toolchain in $toolchain does not work"
say "built $target into $toolchain"
