#!/usr/bin/env bash
# Builds the example workspace with the program named, and shows what its plugins do.
set -euo pipefail
cd "$(dirname "$0")/.."
distri=$1

show() {
    printf '\n$ distri'
    for word in "$@"; do
        case $word in
            *[\ {}]*) printf " '%s'" "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$distri" "$@"
}

show build
show list
show list tools
show list agents
show inspect text-tools
show call text-tools/slugify --input '{"text": "Hello, World!"}'
show call text-tools/word_count --input '{"text": "Hello, World!"}'
show call checksum/sha256 --input '{"text": "abc"}' --json
show call checksum/crc32 --input '{"text": "abc"}'
show call notes/search --input '{"text": "welcome"}'
show call workspace/today
show run text-report/report --input '{"text": "Hello, World!"}'
