#!/usr/bin/env bash
# Runs every client suite against a built windlass binary; builds nothing itself.
#   run.sh [--release | --binary PATH] [pytest arguments]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}

binary=$target/debug/windlass
[ -x "$binary" ] || binary=$target/release/windlass
case ${1:-} in
  --release)
    binary=$target/release/windlass
    shift
    ;;
  --binary)
    binary=$(realpath "${2:?--binary needs a path}")
    shift 2
    ;;
esac
[ -x "$binary" ] || { echo "run.sh: no windlass binary at $binary; build it first" >&2; exit 1; }

"$here/setup.sh"
clients=$(realpath "$target/clients")
# One folder of temporary files for each run, so that two runs do not meet; kept only when a test fails.
scratch=$(mktemp -d "$clients/run.XXXXXX")
echo "run.sh: gateway logs and files of failed tests stay in $scratch" >&2
cd "$here"
PYTHONDONTWRITEBYTECODE=1 "$clients/venv/bin/python" -m pytest \
  --binary="$(realpath "$binary")" --clients="$clients" --basetemp="$scratch/files" "$@"
rm -rf "$scratch"
