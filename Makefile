# Flagstone: run it, test it, keep it clean. Everything that tests need is put into $(SCRATCH).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export FLAGSTONE_SCRATCH ?= $(or $(TMPDIR),/tmp)/flagstone-scratch

.PHONY: run build test test-rust test-conformance test-sdks lint deny golden bench clean-scratch prerequisites

## Build and start Flagstone on http://localhost:4242, data in ./data/flagstone.db
run: build
	./target/release/flagstone serve

build:
	@scripts/prerequisites.sh build
	cargo build --release -p flagstone-server

## Run every test: Rust, the comparison with the reference server, the official SDKs
test: test-rust test-conformance test-sdks
	@echo "all tests passed"

test-rust: prerequisites
	scripts/postgres.sh start
	FLAGSTONE_TEST_POSTGRES="$$(scripts/postgres.sh url)" FLAGSTONE_ALIKE="$(FLAGSTONE_SCRATCH)/alike.jsonl" cargo test --workspace

test-conformance: prerequisites
	cargo build -p flagstone-server
	FLAGSTONE_BIN="$(CURDIR)/target/debug/flagstone" conformance/run.sh

# The Node SDK evaluates what the Rust tests have found to be evaluated alike by our engine and the official one.
test-sdks: prerequisites
	cargo build -p flagstone-server
	@[ -e "$(FLAGSTONE_SCRATCH)/alike.jsonl" ] || \
		FLAGSTONE_ALIKE="$(FLAGSTONE_SCRATCH)/alike.jsonl" cargo test -p flagstone-server --test it alike
	FLAGSTONE_BIN="$(CURDIR)/target/debug/flagstone" conformance/sdks/both-stores.sh

prerequisites:
	@scripts/prerequisites.sh test

## Formatting, clippy, the project's own rules, licences
lint: deny
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/tidy.sh

# Advisories need the RustSec database, which is not in any package registry: they are checked where a copy is found.
deny:
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing; installing it"; cargo install --locked cargo-deny; }
	cargo deny check licenses bans sources
	@if [ -d "$${CARGO_HOME:-$$HOME/.cargo}/advisory-dbs" ]; then cargo deny check --disable-fetch advisories; \
	else echo "note: no copy of the RustSec advisory database on this machine; advisories are not checked"; fi

## Write the golden files anew: api/routes.txt, api/openapi.json
golden:
	UPDATE_GOLDEN=1 cargo test -p flagstone-server --test it golden

## Measure: evaluation against the official engine, delivery and stream against the bare HTTP stack, and a large
## installation (see bench/README.md)
bench:
	cargo bench -p flagstone-eval
	cargo build --release -p flagstone-server -p flagstone-bench
	target/release/flagstone-bench delivery
	target/release/flagstone-bench stream
	target/release/flagstone-bench estate

clean-scratch:
	-scripts/postgres.sh stop
	rm -rf "$(FLAGSTONE_SCRATCH)"
