#!/usr/bin/env bash
# The one test command: builds the gateway, runs every Rust test (the real binary included), then every published
# client. Installs the clients it needs under target/. Fails if anything fails or is missing; nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --locked -p windlass
cargo test --locked --workspace
tests/clients/run.sh "$@"
