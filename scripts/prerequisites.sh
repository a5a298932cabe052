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
need node "Node.js 20.19 or later, for the web UI (without it: cargo build --release -p flagstone-server, a server without pages)"
need npm "npm, which comes with Node.js"
if command -v node >/dev/null 2>&1 && ! node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)'; then
    missing="$missing
  node: Node.js 20.19 or later, for the web UI; this is $(node --version)"
fi
if [ "${1:-build}" = test ]; then
    if ! command -v chromium >/dev/null 2>&1 && [ -z "${CHROMIUM:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "chromium is missing; running: apt-get update && apt-get install -y chromium" >&2
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y chromium; } >&2
    fi
    [ -n "${CHROMIUM:-}" ] || need chromium "Chromium, for the tests of the web UI; on Debian: apt-get install chromium (or CHROMIUM=/path/to/it)"
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
