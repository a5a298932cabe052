#!/bin/sh
# A scratch PostgreSQL server for tests: scripts/postgres.sh start | stop | url
#
# It lives in ${FLAGSTONE_SCRATCH:-${TMPDIR:-/tmp}/flagstone-scratch}/postgres, on a free port of 127.0.0.1, trusts
# everybody on this machine, and does not sync to disk: nothing in it is worth keeping. `start` is idempotent.
set -eu

scratch="${FLAGSTONE_SCRATCH:-${TMPDIR:-/tmp}/flagstone-scratch}/postgres"

fail() {
    echo "postgres.sh: $*" >&2
    exit 1
}

# PostgreSQL refuses to run as root.
as_owner() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
    elif command -v runuser >/dev/null 2>&1; then
        runuser -u postgres -- "$@"
    else
        su postgres -s /bin/sh -c 'exec "$0" "$@"' -- "$@"
    fi
}

# The folder of the newest server that is installed.
find_bin() {
    newest=$(ls -d /usr/lib/postgresql/*/bin/pg_ctl 2>/dev/null | sort -t/ -k5 -V | tail -n 1)
    if [ -z "$newest" ]; then
        newest=$(command -v pg_ctl 2>/dev/null || true)
    fi
    [ -n "$newest" ] && dirname "$newest"
}

need_bin() {
    bin=$(find_bin) && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "postgres.sh: PostgreSQL is missing; running: apt-get update && apt-get install -y postgresql" >&2
        { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y postgresql; } >&2
        bin=$(find_bin) && return
    fi
    fail "PostgreSQL 15 or later is missing; on Debian and Ubuntu: apt-get install postgresql"
}

is_running() {
    [ -f "$scratch/data/PG_VERSION" ] && as_owner "$bin/pg_ctl" -D "$scratch/data" status >/dev/null 2>&1
}

# A port that nobody listens on now; /proc/net/tcp has them in hexadecimal.
free_port() {
    candidate=$((20000 + $$ % 20000))
    while grep -qi ":$(printf '%04X' "$candidate") " /proc/net/tcp /proc/net/tcp6 2>/dev/null; do
        candidate=$((candidate + 1))
    done
    echo "$candidate"
}

# Sockets need a short path, and nobody uses one here.
launch() {
    as_owner "$bin/pg_ctl" -w -t 60 -D "$scratch/data" -l "$scratch/data/server.log" \
        -o "-p $1 -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=200" \
        start >/dev/null 2>&1
}

start() {
    need_bin
    is_running && return
    if [ ! -f "$scratch/data/PG_VERSION" ]; then
        rm -rf "$scratch/data"
        mkdir -p "$scratch"
        if [ "$(id -u)" = 0 ]; then
            chown postgres "$scratch"
        fi
        (cd / && as_owner "$bin/initdb" -D "$scratch/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync) \
            >/dev/null || fail "initdb failed in $scratch (as root, the folders above it must be open to user postgres)"
    fi
    # Another program may take the port first.
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        if (cd / && launch "$port"); then
            echo "$port" >"$scratch/port"
            return
        fi
    done
    tail -n 20 "$scratch/data/server.log" >&2 || true
    fail "the server does not start"
}

stop() {
    bin=$(find_bin) || exit 0
    if is_running; then
        (cd / && as_owner "$bin/pg_ctl" -w -m immediate -D "$scratch/data" stop >/dev/null)
    fi
    rm -f "$scratch/port"
}

url() {
    [ -f "$scratch/port" ] || fail "not started: scripts/postgres.sh start"
    echo "postgres://postgres@127.0.0.1:$(cat "$scratch/port")/postgres"
}

case "${1:-}" in
start | stop | url) "$1" ;;
*) fail "use: postgres.sh start | stop | url" ;;
esac
