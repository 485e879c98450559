#!/usr/bin/env bash
# What cargo runs in place of rustdoc for `cargo test --doc`: makes a crate's
# documentation of the same compiled dependencies, no warning allowed, and then runs its
# examples.
set -euo pipefail
case " $* " in
*" --test "*)
    arguments=()
    folder=$PWD/target
    [ -z "${CARGO_TARGET_DIR:-}" ] || folder=$CARGO_TARGET_DIR
    previous=
    for argument in "$@"; do
        case $previous,$argument in
        *,--test | *,--test-run-directory | --test-run-directory,* | *,--test-runtool | --test-runtool,*) ;;
        *) arguments+=("$argument") ;;
        esac
        previous=$argument
    done
    rustdoc "${arguments[@]}" --out-dir "$folder/doc" -D warnings
    ;;
esac
exec rustdoc "$@"
