# Installs the SDKs into the scratch folder, once per set of versions, and names their programs.
# shellcheck shell=bash

SDKS=$CONFORMANCE/sdks

# once NAME FILE… -- COMMAND…: runs the command unless it has succeeded with these very files before.
once() {
    local name=$1 stamp sum files=()
    shift
    while [ "$1" != -- ]; do files+=("$1"); shift; done
    shift
    stamp=$SCRATCH/sdks/$name.installed
    sum=$(sha256sum "${files[@]}" | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
    say "installing the $name SDK"
    "$@" || die "cannot install the $name SDK; the error is above"
    echo "$sum" >"$stamp"
}

install_node() {
    mkdir -p "$SCRATCH/sdks/node"
    cp "$SDKS/node/package.json" "$SCRATCH/sdks/node/"
    (cd "$SCRATCH/sdks/node" && npm install --no-audit --no-fund --loglevel=error >&2)
}

install_python() {
    rm -rf "$SCRATCH/sdks/python"
    python3 -m venv "$SCRATCH/sdks/python" >&2 || die 'needs Python with venv: apt-get install python3-venv'
    "$SCRATCH/sdks/python/bin/pip" install --quiet --disable-pip-version-check -r "$SDKS/python/requirements.txt" >&2
}

install_rust() {
    cargo build --quiet --locked --manifest-path "$SDKS/rust/Cargo.toml" --target-dir "$SCRATCH/sdks/rust" >&2
}

install_sdks() {
    need npm 'Node.js 20 or later'
    need python3 'apt-get install python3 python3-venv'
    need cargo 'the Rust toolchain'
    mkdir -p "$SCRATCH/sdks"
    once node "$SDKS/node/package.json" -- install_node
    once python "$SDKS/python/requirements.txt" -- install_python
    once rust "$SDKS/rust/Cargo.toml" "$SDKS/rust/Cargo.lock" "$SDKS/rust/src/main.rs" -- install_rust
    export SDK_NODE_FOLDER=$SCRATCH/sdks/node
}

# run_sdks BASE_URL ADMIN_TOKEN [SDK_URL]: the SDKs are told SDK_URL, which is BASE_URL unless it is an edge of it.
run_sdks() {
    node "$SDKS/drive.mjs" "$1" "$2" "${3:-$1}" \
        "node=node '$SDKS/node/adapter.mjs'" \
        "node-streaming=env SDK_MODE=streaming node '$SDKS/node/adapter.mjs'" \
        "node-delta=env SDK_MODE=delta node '$SDKS/node/adapter.mjs'" \
        "ofrep-server=node '$SDKS/ofrep/server.mjs'" \
        "ofrep-web=node '$SDKS/ofrep/web.mjs'" \
        "browser=node '$SDKS/browser/adapter.mjs'" \
        "python='$SCRATCH/sdks/python/bin/python' '$SDKS/python/adapter.py'" \
        "rust='$SCRATCH/sdks/rust/debug/sdk-adapter'"
}
