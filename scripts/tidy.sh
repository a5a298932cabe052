#!/usr/bin/env bash
# The project's own rules, each with its reason. ARCHITECTURE.md lists them as invariants.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

# refuse PATTERN REASON PATH...: no line of Rust outside tests may match.
refuse() {
    local pattern=$1 reason=$2
    shift 2
    local found
    found=$(grep -rnE --include='*.rs' "$pattern" "$@" || true)
    if [ -n "$found" ]; then
        printf '%s\n%s\n\n' "$reason" "$found" >&2
        failed=1
    fi
}

refuse 'std::(fs|process|env)::|(Tcp|Udp)(Stream|Listener|Socket)|ToSocketAddrs|SystemTime|Instant::now|getrandom|rand::' \
    'I1: eval and model do no I/O, read no clock and draw no randomness.' crates/flagstone-eval/src crates/flagstone-model/src
refuse '(SELECT .* FROM|INSERT INTO|DELETE FROM|UPDATE [a-z_]+ SET|sqlx)' \
    'I3: only flagstone-store contains SQL.' crates/flagstone-eval/src crates/flagstone-model/src crates/flagstone-server/src
refuse '#\[ignore|todo!\(|unimplemented!\(|dbg!\(' \
    'Nothing is left unfinished or skipped.' crates
refuse 'allow\(unsafe_code\)' 'I9: no unsafe.' crates

# I4: the third door to the state is for what anybody may see, and for what decides who somebody is. Its users stand in
# scripts/public-door, each with its reason; a new one is a decision that a reviewer must see.
users=$(grep -rn --include='*.rs' '\.public()' crates/flagstone-server/src | grep -v '^[^:]*:[0-9]*: *//' | cut -d: -f1 | sort | uniq -c |
    sed -E 's#^ *([0-9]+) crates/flagstone-server/src/(.*)#\2 \1#' | sort)
if ! diff <(sed -E '/^(#|$)/d; s/ *#.*//' scripts/public-door | sort) <(printf '%s\n' "$users") >&2; then
    echo "I4: App::public() is used elsewhere, or more or less often, than scripts/public-door says (<). Use view or commit." >&2
    failed=1
fi

# The rooms of the server, lowest first: none uses what stands behind it here, so that no two files of different rooms
# can be in a circle. A file at the top level is a room of its own.
rooms=(system http telemetry delivery options app edge people admin sdk ops ui routes evaluate node lib main)
declare -A rank
for i in "${!rooms[@]}"; do rank[${rooms[$i]}]=$i; done
while IFS=: read -r file used; do
    room=${file#crates/flagstone-server/src/}
    room=${room%%/*}
    room=${room%.rs}
    used=${used#crate::}
    if [ -z "${rank[$room]:-}" ] || [ -z "${rank[$used]:-}" ]; then
        echo "Rooms: $file uses crate::$used; is one of the two no room of the list in scripts/tidy.sh?" >&2
        failed=1
    elif [ "${rank[$used]}" -gt "${rank[$room]}" ]; then
        echo "Rooms: $file uses crate::$used, which stands above $room." >&2
        failed=1
    fi
done < <(grep -roE --include='*.rs' '\bcrate::[a-z_]+' crates/flagstone-server/src | grep -v ':crate::App' | sort -u)
if grep -rnE --include='*.rs' 'crate::\{' crates/flagstone-server/src; then
    echo "Rooms: name each room in a line of its own, so that this script sees it." >&2
    failed=1
fi

# Long files ask to become folders.
while read -r lines file; do
    if [ "$file" != total ] && [ "$lines" -gt 550 ]; then
        echo "$file has $lines lines: make it a folder." >&2
        failed=1
    fi
done < <(find crates -path '*/src/*' -name '*.rs' -exec wc -l {} +)

exit "$failed"
