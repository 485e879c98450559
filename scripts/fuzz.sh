#!/usr/bin/env bash
# Runs every fuzz target for FUZZ_SECONDS, or those that are named. What they
# start from is kept in fuzz/seeds; what they find lies in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-300}

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
# What is fuzzed is what is tested: the same versions.
cp Cargo.lock fuzz/Cargo.lock
[ $# -gt 0 ] || set -- manifest catalog load_plugin component bundle split
for target in "$@"; do
    echo "fuzzing $target for $seconds seconds" >&2
    mkdir -p "fuzz/corpus/$target"
    # No sanitizer: it needs a nightly compiler, and there is next to no unsafe
    # code here. The bootstrap variable lets a stable one trace coverage.
    RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1
done
