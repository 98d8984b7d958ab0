#!/usr/bin/env bash
# Installs the pinned clients under target/clients, and nothing anywhere else but Debian packages that are missing
# altogether. A second run with the same pins does nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
clients=$target/clients
pins=("$here/setup.sh" "$here/requirements.txt" "$here/js/package.json" "$here/js/package-lock.json")
node_least=20

fail() {
  echo "setup.sh: $*" >&2
  exit 1
}

# need WHAT PACKAGE... : Debian packages for a missing program, or a plain word on what to install by hand.
need() {
  local what=$1
  shift
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    fail "$what is missing; install it (on Debian, as root: apt-get install $*) and run this again"
  fi
  echo "setup.sh: installing $* for $what" >&2
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 || fail "could not install $*"
}

command -v python3 >/dev/null || need python3 python3 python3-venv
python3 -c 'import ensurepip, venv' 2>/dev/null || need "python3's venv module" python3-venv
{ command -v node && command -v npm; } >/dev/null || need "node with npm" nodejs npm
command -v restic >/dev/null || need restic restic
command -v chromium >/dev/null || need chromium chromium

node_major=$(node -p 'process.versions.node.split(".")[0]')
[ "$node_major" -ge "$node_least" ] || fail "node $node_major is too old for the AWS SDK; install node $node_least or later"

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$(python3 --version) is too old; install 3.11 or later"

mkdir -p "$clients"
stamp=$( { cat "${pins[@]}"; python3 --version; node --version; } | sha256sum | cut -d ' ' -f 1)
[ "$(cat "$clients/stamp" 2>/dev/null)" = "$stamp" ] && exit 0

rm -rf "$clients/stamp" "$clients/venv" "$clients/node"
python3 -m venv "$clients/venv"
"$clients/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt"
"$clients/venv/bin/pip" check

mkdir "$clients/node"
cp "$here/js/package.json" "$here/js/package-lock.json" "$clients/node/"
(cd "$clients/node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)

echo "$stamp" > "$clients/stamp"
