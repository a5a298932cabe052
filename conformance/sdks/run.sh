#!/usr/bin/env bash
# Runs the four official SDKs against a server that is up: run.sh BASE_URL ADMIN_TOKEN
set -euo pipefail
# shellcheck source=../lib/scratch.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/scratch.sh"
# shellcheck source=setup.sh
. "$CONFORMANCE/sdks/setup.sh"

[ $# = 2 ] || die 'usage: run.sh BASE_URL ADMIN_TOKEN'
need node 'Node.js 20 or later'
install_sdks
run_sdks "$1" "$2"
