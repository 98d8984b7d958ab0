#!/usr/bin/env bash
# Builds the gateway as it is released: a first build counts what is done where while it serves all that a gateway is asked
# often (`windlass-benches train`), and a second one is made fast for that (profile-guided optimisation). About 20 minutes on
# two cores. The binary is target/release-trained/windlass.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc --version --verbose | sed -n 's/^host: //p')
profdata=$(rustc --print target-libdir)/../bin/llvm-profdata
[ -x "$profdata" ] || rustup component add llvm-tools
work=$PWD/target/release-trained

# With a target named, what runs while building is built without the flags.
build() { RUSTFLAGS=$1 cargo build --locked --release -p windlass --target "$host" --target-dir "$work/$2"; }

cargo build --locked --release -p windlass-benches
rm -rf "$work/counts"
build "-C profile-generate=$work/counts" counting
target/release/windlass-benches train --windlass "$work/counting/$host/release/windlass"
"$profdata" merge --output "$work/windlass.profdata" "$work/counts"
build "-C profile-use=$work/windlass.profdata" trained
cp "$work/trained/$host/release/windlass" "$work/windlass"
echo "$work/windlass"
