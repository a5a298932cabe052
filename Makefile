# Flagstone: run it, test it, keep it clean. Everything that tests need is put into $(SCRATCH).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export FLAGSTONE_SCRATCH ?= $(or $(TMPDIR),/tmp)/flagstone-scratch

.PHONY: run build web web-dev test test-rust test-web test-conformance test-sdks lint lint-web deny golden bench clean-scratch prerequisites

## Build and start Flagstone on http://localhost:4242, data in ./data/flagstone.db
run: build
	./target/release/flagstone serve

build: web
	cargo build --release -p flagstone-server

## The web UI as it is embedded: built again when its sources have changed
web: web/dist/index.html

web/dist/index.html: web/node_modules/.package-lock.json web/index.html web/vite.config.ts web/scripts/compress.mjs $(shell find web/src web/public -type f -not -name '*.test.ts*' -not -path '*/test/*')
	cd web && npm run build

web/node_modules/.package-lock.json: web/package-lock.json
	@scripts/prerequisites.sh build
	cd web && npm ci
	@touch $@

## Write pages: Vite on http://localhost:5173 with a proxy to a running Flagstone (FLAGSTONE_URL, else port 4242)
web-dev: web/node_modules/.package-lock.json
	cd web && npm run dev

## Run every test: Rust, the web UI in a browser, the comparison with the reference server, the official SDKs
test: test-rust test-web test-conformance test-sdks
	@echo "all tests passed"

test-rust: prerequisites web
	scripts/postgres.sh start
	FLAGSTONE_TEST_POSTGRES="$$(scripts/postgres.sh url)" FLAGSTONE_ALIKE="$(FLAGSTONE_SCRATCH)/alike.jsonl" cargo test --workspace

test-web: prerequisites web
	cargo build -p flagstone-server
	cd web && npm run test
	cd web && FLAGSTONE_BIN="$(CURDIR)/target/debug/flagstone" npm run e2e

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
lint: deny lint-web
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/tidy.sh

lint-web: web/node_modules/.package-lock.json
	cd web && npm run check

# Advisories need the RustSec database, which is not in any package registry: they are checked where a copy is found.
deny:
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing; installing it"; cargo install --locked cargo-deny; }
	cargo deny check licenses bans sources
	@if [ -d "$${CARGO_HOME:-$$HOME/.cargo}/advisory-dbs" ]; then cargo deny check --disable-fetch advisories; \
	else echo "note: no copy of the RustSec advisory database on this machine; advisories are not checked"; fi

## Write the golden files anew: api/routes.txt, api/openapi.json, and the web UI's types
golden: web/node_modules/.package-lock.json
	UPDATE_GOLDEN=1 cargo test -p flagstone-server --test it golden
	cd web && npm run schema

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
