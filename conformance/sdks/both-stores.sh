#!/usr/bin/env bash
# Starts Flagstone on SQLite, then on PostgreSQL, and runs the official SDKs against each; then against an edge.
#   FLAGSTONE_BIN, FLAGSTONE_SCRATCH, FLAGSTONE_KEEP   as for ../reference.sh
#   FLAGSTONE_STORES   the stores to run on (default "sqlite postgres"); the edge's upstream is on SQLite
set -euo pipefail
# shellcheck source=../lib/scratch.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/scratch.sh"
# shellcheck source=setup.sh
. "$CONFORMANCE/sdks/setup.sh"

find_flagstone
open_scratch
install_sdks
status=0
if [ -e "$SCRATCH/alike.jsonl" ]; then
    say 'what is accepted, in the Node SDK'
    node "$SDKS/alike.mjs" "$SCRATCH/alike.jsonl" || status=1
fi
for store in ${FLAGSTONE_STORES:-sqlite postgres}; do
    [ "$store" != postgres ] || start_postgres
    start_flagstone "$store"
    say "the SDKs against Flagstone on $store"
    if ! run_sdks "$FLAGSTONE_URL" "$ADMIN_TOKEN"; then
        status=1
        say "the end of Flagstone's log:"
        tail -n 20 "$RUN/flagstone-$store.log" >&2
    fi
    if [ "$store" = sqlite ]; then
        say "HTTP clients, in every coding that they read"
        CLIENTS_PYTHON=$SCRATCH/sdks/python/bin/python node "$CONFORMANCE/clients/run.mjs" "$FLAGSTONE_URL" "$ADMIN_TOKEN" || status=1
        start_edge
        say "the SDKs against an edge of it"
        if ! run_sdks "$FLAGSTONE_URL" "$ADMIN_TOKEN" "$EDGE_URL"; then
            status=1
            say "the end of the edge's log:"
            tail -n 20 "$RUN/edge.log" >&2
        fi
        kill "$EDGE_PID"
        wait "$EDGE_PID" || true
    fi
    kill "$FLAGSTONE_PID"
    wait "$FLAGSTONE_PID" || true
done
exit $status
