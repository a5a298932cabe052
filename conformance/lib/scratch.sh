# Functions the conformance scripts share: a scratch folder, free ports, servers that stop with the script.
# shellcheck shell=bash

CONFORMANCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=${FLAGSTONE_SCRATCH:-${TMPDIR:-/tmp}/flagstone-scratch}
REFERENCE_VERSION=8.2.0
ADMIN_TOKEN='*:*.conformance-admin'
ADMIN_PASSWORD=unleash4all
READY_SECONDS_MAX=90
PIDS=()

die() { echo "conformance: $*" >&2; exit 2; }
say() { echo "conformance: $*" >&2; }

need() { command -v "$1" >/dev/null || die "needs $1 ($2)"; }

# A folder of this run, removed at the end unless FLAGSTONE_KEEP is set; what is worth keeping lies beside it.
open_scratch() {
    need node 'Node.js 20 or later'
    mkdir -p "$SCRATCH"
    RUN=$(mktemp -d "$SCRATCH/run.XXXXXX")
    chmod 755 "$SCRATCH" "$RUN"
    trap close_scratch EXIT
    trap 'exit 130' INT TERM
}

close_scratch() {
    local status=$?
    set +e
    for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${PIDS[@]}"; do wait "$pid" 2>/dev/null; done
    [ -z "${PG_RUNNING:-}" ] || as_postgres "$PG_BIN/pg_ctl" -D "$RUN/postgres/data" -m immediate stop >/dev/null 2>&1
    if [ -n "${FLAGSTONE_KEEP:-}" ]; then say "kept $RUN"; else rm -rf "$RUN"; fi
    exit "$status"
}

free_port() {
    node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
}

# wait_ready NAME URL LOG PID: until URL answers 200, or the process ends, or the time is up.
wait_ready() {
    local name=$1 url=$2 log=$3 pid=$4 end=$((SECONDS + READY_SECONDS_MAX))
    until node -e 'fetch(process.argv[1]).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))' "$url"; do
        if ! kill -0 "$pid" 2>/dev/null || [ $SECONDS -ge $end ]; then
            tail -n 30 "$log" >&2
            die "$name is not ready at $url; the end of its log is above"
        fi
        sleep 0.2
    done
}

as_postgres() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# A PostgreSQL cluster for this run only, without the waits that make data survive a power loss.
start_postgres() {
    PG_BIN=${FLAGSTONE_PG_BIN:-$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)}
    [ -n "$PG_BIN" ] && [ -x "$PG_BIN/initdb" ] ||
        die 'needs PostgreSQL 15 or later: apt-get install postgresql (or set FLAGSTONE_PG_BIN to the folder of initdb)'
    if [ "$(id -u)" = 0 ]; then
        id postgres >/dev/null 2>&1 || die 'needs the user postgres, since initdb does not run as root: apt-get install postgresql'
        need runuser 'util-linux'
    fi
    PG_PORT=$(free_port)
    mkdir "$RUN/postgres"
    [ "$(id -u)" != 0 ] || chown postgres "$RUN/postgres"
    (cd "$RUN/postgres" && as_postgres "$PG_BIN/initdb" -D "$RUN/postgres/data" -U postgres -A trust -E UTF8 --locale=C --no-sync) \
        >"$RUN/initdb.log" 2>&1 || { cat "$RUN/initdb.log" >&2; die "initdb failed (can the user postgres enter $SCRATCH?)"; }
    (cd "$RUN/postgres" && as_postgres "$PG_BIN/pg_ctl" -D "$RUN/postgres/data" -l "$RUN/postgres/log" -w -t 60 \
        -o "-p $PG_PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200" \
        start) >"$RUN/pg_ctl.log" 2>&1 || { cat "$RUN/pg_ctl.log" >&2; die 'PostgreSQL does not start'; }
    PG_RUNNING=1
}

# postgres_database NAME: creates it and prints its URL.
postgres_database() {
    as_postgres "$PG_BIN/createdb" -h 127.0.0.1 -p "$PG_PORT" -U postgres "$1"
    echo "postgres://postgres@127.0.0.1:$PG_PORT/$1"
}

# The reference server stays installed between runs. It is run and asked over HTTP, nothing more.
install_reference() {
    need npm 'Node.js 20 or later'
    local folder="$SCRATCH/reference-$REFERENCE_VERSION"
    [ -e "$folder/installed" ] && return
    say "installing unleash-server@$REFERENCE_VERSION into $folder"
    mkdir -p "$folder"
    (
        cd "$folder"
        echo '{"name":"reference","private":true}' >package.json
        npm install --save-exact --no-audit --no-fund --loglevel=error "unleash-server@$REFERENCE_VERSION" >&2
        echo "require('unleash-server').start({});" >server.js
        touch installed
    )
}

start_reference() {
    local port database
    install_reference
    port=$(free_port)
    database=$(postgres_database reference)
    REFERENCE_URL="http://127.0.0.1:$port"
    (
        cd "$SCRATCH/reference-$REFERENCE_VERSION"
        exec env -i PATH="$PATH" HOME="$HOME" HTTP_HOST=127.0.0.1 HTTP_PORT="$port" DATABASE_URL="$database" DATABASE_SSL=false \
            CHECK_VERSION=false SEND_TELEMETRY=false LOG_LEVEL=warn "${SERVER_ENV[@]}" node server.js
    ) >"$RUN/reference.log" 2>&1 &
    PIDS+=($!)
    REFERENCE_PID=$!
}

# What both servers are told: an admin token, the first user, and limits that a test run does not reach.
SERVER_ENV=(
    "INIT_ADMIN_API_TOKENS=$ADMIN_TOKEN"
    UNLEASH_DEFAULT_ADMIN_USERNAME=admin "UNLEASH_DEFAULT_ADMIN_PASSWORD=$ADMIN_PASSWORD"
    SIMPLE_LOGIN_LIMIT_PER_MINUTE=100000 CREATE_USER_RATE_LIMIT_PER_MINUTE=100000 PASSWORD_RESET_LIMIT_PER_MINUTE=100000
)

find_flagstone() {
    local root
    root=$(dirname "$CONFORMANCE")
    if [ -n "${FLAGSTONE_BIN:-}" ]; then
        [ -x "$FLAGSTONE_BIN" ] || die "FLAGSTONE_BIN is no program: $FLAGSTONE_BIN"
        return
    fi
    for FLAGSTONE_BIN in "$root/target/release/flagstone" "$root/target/debug/flagstone"; do
        [ -x "$FLAGSTONE_BIN" ] && return
    done
    die 'no flagstone program: cargo build --release (or set FLAGSTONE_BIN)'
}

# start_flagstone sqlite|postgres: sets FLAGSTONE_URL.
start_flagstone() {
    local port database
    find_flagstone
    port=$(free_port)
    case $1 in
        sqlite) database="sqlite://$RUN/flagstone.db" ;;
        postgres) database=$(postgres_database flagstone) ;;
        *) die "unknown store: $1 (sqlite or postgres)" ;;
    esac
    FLAGSTONE_URL="http://127.0.0.1:$port"
    env -i PATH="$PATH" HOME="$HOME" HTTP_HOST=127.0.0.1 HTTP_PORT="$port" DATABASE_URL="$database" \
        LOG_LEVEL="${FLAGSTONE_LOG_LEVEL:-warn}" "${SERVER_ENV[@]}" "$FLAGSTONE_BIN" serve >"$RUN/flagstone-$1.log" 2>&1 &
    PIDS+=($!)
    FLAGSTONE_PID=$!
    wait_ready flagstone "$FLAGSTONE_URL/ready" "$RUN/flagstone-$1.log" "$FLAGSTONE_PID"
}

# start_edge: an edge of FLAGSTONE_URL that has to learn every token; sets EDGE_URL.
start_edge() {
    local port
    port=$(free_port)
    EDGE_URL="http://127.0.0.1:$port"
    env -i PATH="$PATH" HOME="$HOME" INTERFACE=127.0.0.1 PORT="$port" UPSTREAM_URL="$FLAGSTONE_URL" BACKUP_FOLDER="$RUN/edge" METRICS_INTERVAL_SECONDS=1 \
        LOG_LEVEL="${FLAGSTONE_LOG_LEVEL:-warn}" "$FLAGSTONE_BIN" edge >"$RUN/edge.log" 2>&1 &
    PIDS+=($!)
    EDGE_PID=$!
    wait_ready edge "$EDGE_URL/internal-backstage/ready" "$RUN/edge.log" "$EDGE_PID"
}
