# `make run` and `make test` set up what is missing first. Programs are built
# into target/, or into $CARGO_TARGET_DIR where that is set.

BIN := $(or $(CARGO_TARGET_DIR),target)/release/distri

.PHONY: setup run test format

setup:
	@scripts/setup.sh

run: setup
	cargo build --locked --release -p distri-cli
	@scripts/show.sh $(BIN)

# One selection of packages and targets for all of it: another would compile the
# dependencies again with other features.
test: setup
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo test --locked --workspace --all-targets
	cargo test --locked --workspace --doc
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

format:
	cargo fmt --all
