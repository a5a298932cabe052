#!/usr/bin/env bash
# The short form that `make test` runs: every scenario, once, on SQLite.
set -euo pipefail
exec env FLAGSTONE_STORE=sqlite "$(dirname "${BASH_SOURCE[0]}")/reference.sh" "$@"
