#!/bin/sh
# Says clearly what is missing: scripts/prerequisites.sh build | test
set -eu

missing=''
need() {
    command -v "$1" >/dev/null 2>&1 || missing="$missing
  $1: $2"
}

need cargo "Rust 1.95 or later, https://rustup.rs"
need cc "a C compiler, for the embedded SQLite; on Debian: apt-get install build-essential"
if [ "${1:-build}" = test ]; then
    need node "Node.js 20 or later, for the reference server and the SDKs"
    need npm "npm, which comes with Node.js"
    need python3 "Python 3.9 or later with venv, for the Python SDK; on Debian: apt-get install python3-venv"
    need curl "curl; on Debian: apt-get install curl"
    if ! command -v strace >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "strace is missing; running: apt-get update && apt-get install -y strace" >&2
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y strace; } >&2
    fi
    need strace "strace, for the fault tests; on Debian: apt-get install strace"
fi
if [ -n "$missing" ]; then
    echo "Flagstone needs programs that this machine does not have:$missing" >&2
    exit 1
fi
