#!/usr/bin/env bash
# Starts the reference server and Flagstone from nothing, plays the scenarios against both, stops everything.
# Arguments go to run.mjs (for instance --only users --report /tmp/differences.md).
#   FLAGSTONE_BIN      the program (default: target/release, then target/debug of this checkout)
#   FLAGSTONE_STORE    sqlite (default) or postgres
#   FLAGSTONE_SCRATCH  where the reference stays installed between runs
#   FLAGSTONE_KEEP=1   keep the logs and the databases of the run
set -euo pipefail
# shellcheck source=lib/scratch.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/scratch.sh"

find_flagstone
open_scratch
start_postgres
start_reference
start_flagstone "${FLAGSTONE_STORE:-sqlite}"
wait_ready 'the reference server' "$REFERENCE_URL/ready" "$RUN/reference.log" "$REFERENCE_PID"
status=0
node "$CONFORMANCE/run.mjs" --reference "$REFERENCE_URL" --flagstone "$FLAGSTONE_URL" \
    --admin-token "$ADMIN_TOKEN" --admin-password "$ADMIN_PASSWORD" "$@" || status=$?
if [ $status -ne 0 ]; then
    say "the end of Flagstone's log:"
    tail -n 20 "$RUN"/flagstone-*.log >&2
    if ! kill -0 "$REFERENCE_PID" 2>/dev/null; then
        say 'the reference server has ended by itself; the end of its log:'
        tail -n 20 "$RUN/reference.log" >&2
    fi
fi
exit $status
