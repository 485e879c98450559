# `make run` and `make test` set up what is missing first. Programs are built
# into target/, or into $CARGO_TARGET_DIR where that is set.

TARGET := $(or $(CARGO_TARGET_DIR),target)

# All of it is one profile and one selection of features, so that what we depend on is
# compiled once. With an example, cargo counts what tests depend on, as it does for tests:
# the smallest one will do.
PROGRAMS := --locked --release --workspace --example house
# Our own crates as tests want them, looked at by clippy on the way.
TESTING := --locked --release --config tests/cargo.toml --workspace

.PHONY: setup run quick test test-all soak swap bench package fuzz format

setup:
	@scripts/setup.sh

# Tests build a program of their own in the same place: this one is put aside.
run: setup
	cargo build $(PROGRAMS) --bin distri
	@install -m 755 $(TARGET)/release/distri $(TARGET)/distri
	@scripts/show.sh $(TARGET)/distri

# What is looked at every few minutes: no test here builds a plugin.
quick: export RUST_BACKTRACE = 0
quick: setup
	cargo fmt --all --check
	cargo test $(TESTING) --lib --bins --test walls

# Every toolchain of the conformance tests is there: none is let off.
test: export DISTRI_REQUIRE_GUESTS = 1
# What failed, not the frames beneath it.
test: export RUST_BACKTRACE = 0
test: setup
	cargo fmt --all --check
	@scripts/toolchains.sh & tools=$$!; \
		cargo test $(TESTING) --all-targets --no-run || { kill $$tools; exit 1; }; wait $$tools
	cargo test $(TESTING) --all-targets
	cargo test $(TESTING) --doc

# The same tests, optimised as well: timing and memory are then a user's. And the host
# without what can be left out, which serves a script all the same.
test-all: run test
	cargo test --locked --release --workspace --all-targets
	cargo clippy --locked --release -p distri-host --no-default-features -- -D warnings
	cargo run --locked --release -p distri-house --example featureless -- \
		examples/plugins/text-tools slugify '{"text": "Hello, World!"}'

# Attacks and good calls mixed, for DISTRI_SOAK_SECONDS (120).
soak: setup
	cargo test $(TESTING) --test adversarial -- soak --ignored --nocapture

# That no instance reads what an earlier one left, paged out or not: makes a swap file for as
# long, as root.
swap: setup
	@scripts/swap.sh $(TESTING)

# What the host adds to bare wasmtime, side by side; fails when a bound is passed.
bench: setup
	cargo build $(PROGRAMS) --bin distri --bin distri-bench
	$(TARGET)/release/distri-bench

# Every crate as crates.io takes it, each compiled from its own archive. The builder's
# brings what setup fetched, which is not in git: hence the flag.
package: setup
	cargo package --locked --workspace --allow-dirty

# Each fuzz target for FUZZ_SECONDS (300).
fuzz: setup
	@scripts/fuzz.sh

format:
	cargo fmt --all
