#!/usr/bin/env bash
# Runs the official SDKs against a server that is up, or an edge of it: run.sh BASE_URL ADMIN_TOKEN [EDGE_URL]
set -euo pipefail
# shellcheck source=../lib/scratch.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/scratch.sh"
# shellcheck source=setup.sh
. "$CONFORMANCE/sdks/setup.sh"

[ $# = 2 ] || [ $# = 3 ] || die 'usage: run.sh BASE_URL ADMIN_TOKEN [EDGE_URL]'
need node 'Node.js 20 or later'
install_sdks
run_sdks "$@"
