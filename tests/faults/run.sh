#!/usr/bin/env bash
# Every fault that needs root, mounts or a tracer, one after the other; each prints what is expected and what was seen.
# Installs what is missing (Debian), unmounts and removes what it made, and ends with exit code 1 if anything was not as
# expected.
#
#   tests/faults/run.sh [--rounds N] [--most N] [--flips N] [--seed N] [--only NAME]
#
# WINDLASS_BIN names a gateway to use in place of the one that is built here.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds= most=20 flips=300 seed=$RANDOM only=
while [ $# -gt 0 ]; do
    case "$1" in
        --rounds) rounds=$2 ;;
        --most) most=$2 ;;
        --flips) flips=$2 ;;
        --seed) seed=$2 ;;
        --only) only=$2 ;;
        *) sed -n '2,8p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done

[ "$(id -u)" = 0 ] || { echo "the faults need root: loop mounts, strace, a memory cgroup" >&2; exit 2; }

eatmydata=$(echo /usr/lib/*/libeatmydata.so) faketime=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)
missing=()
command -v strace >/dev/null || missing+=(strace)
command -v mkfs.ext4 >/dev/null || missing+=(e2fsprogs)
command -v prlimit >/dev/null || missing+=(util-linux)
command -v python3 >/dev/null || missing+=(python3)
[ -e "$eatmydata" ] || missing+=(libeatmydata1)
[ -e "$faketime" ] || missing+=(libfaketime)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    eatmydata=$(echo /usr/lib/*/libeatmydata.so) faketime=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)
fi

[ -n "${WINDLASS_BIN:-}" ] || cargo build --release --locked -p windlass
cargo build --release --locked -p windlass-tests --bin faults

work=$(mktemp -d "${TMPDIR:-/tmp}/windlass-faults.XXXXXX")
clean() {
    # What a fault that was itself interrupted left behind.
    awk -v at="$work/" 'index($2, at) == 1 { print $2 }' /proc/mounts | xargs -r -n 1 umount -l || true
    # The control is meant to be violated.
    rm -rf "$work"/power-control
    if compgen -G "$work/*/*.kept" >/dev/null; then echo "data of violations kept in $work"; else rm -rf "$work"; fi
}
trap clean EXIT
# Copies: a build that goes on beside this does not change what is tested.
cp "${WINDLASS_BIN:-target/release/windlass}" "$work/windlass"
cp target/release/faults "$work/faults"
export WINDLASS_BIN="$work/windlass"

failed=()
fault() {
    local name=$1 expected=$2
    shift 2
    [ -z "$only" ] || [ "$only" = "$name" ] || return 0
    printf '\n== %s (seed %s)\nexpected: %s\n' "$name" "$seed" "$expected"
    mkdir -p "$work/$name"
    local began=$SECONDS
    "$work/faults" --work "$work/$name" --binary "$WINDLASS_BIN" --seed "$seed" "$@" || failed+=("$name")
    echo "took $((SECONDS - began)) s"
}

fault power-control "a gateway whose syncs do nothing is caught" power-control --preload "$eatmydata"
fault power-cut "every acknowledged write is there, no half of another, check is clean" power-cut --rounds "${rounds:-50}"
fault power-cut-relaxed "what is left is everything up to a moment, at most 10 s ago; bytes right, check is clean" \
    power-cut-relaxed --rounds "${rounds:-20}"
fault disk-full "503 and never 200; reads go on; ready tells the truth; nothing is lost" disk-full
fault syscalls "no false acknowledgement, no wrong bytes, restart without repair, check is clean" syscalls --most "$most"
fault flips "no wrong bytes: refused, cut, or right" flips --count "$flips"
fault pause "stopped for 5 s: all that was acknowledged is right" pause
fault descriptors "64 descriptors, 200 clients: errors, no crash, all goes again without a restart" descriptors
fault memory "256 MiB, 200 slow uploads of 16 MiB: survives, all acknowledged and right" memory
fault clock "set back 4 h between runs and 20 min within one: the last acknowledged write is what is read" \
    clock --preload "$faketime"

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nNOT AS EXPECTED: %s\n' "${failed[*]}"
    exit 1
fi
printf '\nall as expected\n'
