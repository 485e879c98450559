# `make run` and `make test` set up what is missing first. Programs are built
# into target/, or into $CARGO_TARGET_DIR where that is set.

TARGET := $(or $(CARGO_TARGET_DIR),target)
BIN := $(TARGET)/release/distri

.PHONY: setup run test test-all soak bench fuzz format

setup:
	@scripts/setup.sh

run: setup
	cargo build --locked --release -p distri-cli
	@scripts/show.sh $(BIN)

# One selection of packages and targets for all of it: another would compile the
# dependencies again with other features.
# Every toolchain of the conformance tests is there: none is let off.
test: export DISTRI_REQUIRE_GUESTS = 1
# What failed, not the frames beneath it.
test: export RUST_BACKTRACE = 0
test: setup
	@scripts/toolchains.sh
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo test --locked --workspace --all-targets
	cargo test --locked --workspace --doc
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

# The same tests, optimised as well: timing and memory are then a user's.
test-all: test
	cargo test --locked --release --workspace --all-targets

# Attacks and good calls mixed, for DISTRI_SOAK_SECONDS (120).
soak: setup
	cargo test --locked --workspace --test adversarial -- soak --ignored --nocapture

# What the host adds to bare wasmtime, side by side; fails when a bound is passed.
bench: setup
	cargo build --locked --release --workspace --all-targets
	$(TARGET)/release/distri-bench

# Each fuzz target for FUZZ_SECONDS (300).
fuzz:
	@scripts/fuzz.sh

format:
	cargo fmt --all
