#!/usr/bin/env bash
# A real tree and one 2 GiB file through rclone and through `aws s3 sync`, there and back, compared by hash; the gateway's
# resident memory is sampled all the while.
#
#   tests/clients/transfer.sh BINARY TREE      TREE: a folder with at least 2,000 files
set -euo pipefail
binary=$(realpath "$1"); tree=$(realpath "$2")
cd "$(dirname "$0")/../.."
tests/clients/setup.sh
bin=$PWD/target/clients/venv/bin
work=$(mktemp -d "$PWD/target/transfer.XXXXXX")
export WINDLASS_ROOT_ACCESS_KEY=transfer WINDLASS_ROOT_SECRET_KEY=transfer-secret
"$binary" serve --data "$work/data" --listen 127.0.0.1:0 >"$work/out" 2>"$work/log" & pid=$!
sampler=
trap 'kill $pid $sampler 2>/dev/null || true; wait 2>/dev/null; rm -rf "$work"' EXIT
until [ -s "$work/out" ]; do kill -0 $pid; read -rt 0.05 <> <(:) || true; done
endpoint=$(awk '{print $NF}' "$work/out")

rss() { awk '/VmRSS/ {print $2}' "/proc/$pid/status"; }
export AWS_ACCESS_KEY_ID=transfer AWS_SECRET_ACCESS_KEY=transfer-secret AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=
export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_W_TYPE=s3 RCLONE_CONFIG_W_PROVIDER=Other RCLONE_CONFIG_W_ENDPOINT=$endpoint
export RCLONE_CONFIG_W_ACCESS_KEY_ID=transfer RCLONE_CONFIG_W_SECRET_ACCESS_KEY=transfer-secret
aws() { "$bin/aws" --endpoint-url "$endpoint" "$@"; }
hashes() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum); }

mkdir "$work/source"
cp -rL "$tree" "$work/source/tree" 2>/dev/null || true
head -c 2147483648 /dev/urandom >"$work/source/two-gib.bin"
hashes "$work/source" >"$work/source.sha"
echo "files: $(wc -l <"$work/source.sha"), bytes: $(du -sb "$work/source" | cut -f1)"

idle=$(rss)
echo 0 >"$work/peak"
( peak=0; while kill -0 $pid 2>/dev/null; do r=$(rss 2>/dev/null || echo 0); [ "$r" -gt "$peak" ] && peak=$r && echo "$peak" >"$work/peak"; read -rt 0.05 <> <(:) || true; done ) & sampler=$!

for client in rclone aws; do
  aws s3 mb "s3://$client-transfer" >/dev/null
  started=$SECONDS
  if [ $client = rclone ]; then
    "$bin/rclone" sync "$work/source" "w:$client-transfer"
    "$bin/rclone" check --download "$work/source" "w:$client-transfer" 2>&1 | tail -3
    "$bin/rclone" sync "w:$client-transfer" "$work/$client"
  else
    aws s3 sync --only-show-errors "$work/source" "s3://$client-transfer"
    aws s3 sync --only-show-errors "s3://$client-transfer" "$work/$client"
  fi
  hashes "$work/$client" | diff -q - "$work/source.sha" && echo "$client: identical after $((SECONDS - started)) s"
done
echo "gateway memory: idle $((idle / 1024)) MiB, peak $(($(cat "$work/peak") / 1024)) MiB"
kill $sampler; kill -TERM $pid; wait $pid
"$binary" check --data "$work/data"
