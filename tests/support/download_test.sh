#!/usr/bin/env bash
# download_test.sh RANGE_SERVER SCRATCH: scripts/fetch_cifar100.sh against a server on the loopback interface that breaks
# off: size said first, resumed, verified, unpacked, never downloaded twice; and a wrong checksum is refused.
set -euo pipefail
server=$1
scratch=$2
fetch=$(cd "$(dirname "$0")/../.." && pwd)/scripts/fetch_cifar100.sh
rm -rf "$scratch"
mkdir -p "$scratch/source/cifar-100-binary"
cd "$scratch"

# Something of the archive's shape that does not compress.
head -c 300000 /dev/urandom >source/cifar-100-binary/train.bin
head -c 60000 /dev/urandom >source/cifar-100-binary/test.bin
tar -czf archive.tar.gz -C source cifar-100-binary
GLIA_CIFAR100_MD5=$(md5sum archive.tar.gz | cut -d ' ' -f 1)
export GLIA_CIFAR100_MD5 GLIA_FETCH_PAUSE=0 no_proxy=127.0.0.1
size=$(wc -c <archive.tar.gz)

server_pid=""
stop_server() { if [ -n "$server_pid" ]; then kill "$server_pid" 2>/dev/null || true; wait "$server_pid" 2>/dev/null || true; server_pid=""; fi; }
trap stop_server EXIT
# start_server CUT_AFTER_BYTES CUTS
start_server() {
  stop_server
  rm -f port log
  "$server" archive.tar.gz "$1" "$2" port log &
  server_pid=$!
  for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
  GLIA_CIFAR100_URL=http://127.0.0.1:$(cat port)/archive.tar.gz
  export GLIA_CIFAR100_URL
}
wrong() { echo "download_test: $*"; [ ! -e output ] || cat output; exit 1; }
run() { status=0; bash "$fetch" data >output 2>&1 || status=$?; }

client_case() {
  echo "== with $1"
  rm -rf data
  # 1. The connection breaks and only one attempt is allowed: an error, the partial file stays.
  start_server 100000 1
  GLIA_FETCH_ATTEMPTS=1 run
  [ "$status" != 0 ] || wrong "a broken download was taken for a whole one"
  grep -q '161 MiB' output || wrong "the size was not said"
  [ "$(grep -n -m1 '161 MiB' output | cut -d: -f1)" = 1 ] || wrong "the size was not said first"
  grep -q 'run this again to resume' output || wrong "no advice on resuming"
  [ "$(wc -c <data/cifar-100-binary.tar.gz.part)" = 100000 ] || wrong "the partial file was not kept"
  [ ! -e data/cifar-100-binary ] || wrong "something was unpacked"
  # 2. The next call asks for the rest only.
  run
  [ "$status" = 0 ] || wrong "the download did not resume"
  [ "$(tail -n 1 log)" = "GET 100000" ] || wrong "the server was asked for: $(cat log)"
  cmp -s data/cifar-100-binary/train.bin source/cifar-100-binary/train.bin || wrong "train.bin differs"
  cmp -s data/cifar-100-binary/test.bin source/cifar-100-binary/test.bin || wrong "test.bin differs"
  # 3. A third call does not download again.
  requests=$(wc -l <log)
  run
  [ "$status" = 0 ] || wrong "a finished download is an error"
  [ "$(wc -l <log)" = "$requests" ] || wrong "downloaded twice"
  # 4. Several breaks within one call.
  rm -rf data
  start_server 100000 3
  run
  [ "$status" = 0 ] || wrong "three breaks were too many"
  [ "$(wc -l <log)" -ge 4 ] || wrong "the server did not break off: $(cat log)"
  # 5. A wrong checksum: refused, removed, nothing unpacked.
  rm -rf data
  start_server 0 0
  GLIA_CIFAR100_MD5=00000000000000000000000000000000 run
  [ "$status" = 3 ] || wrong "a wrong checksum gave status $status"
  grep -q 'wrong checksum' output || wrong "no word about the checksum"
  [ ! -e data/cifar-100-binary ] && [ ! -e data/cifar-100-binary.tar.gz ] && [ ! -e data/cifar-100-binary.tar.gz.part ] ||
    wrong "the wrong file was kept"
  # 6. A partial file that is as long as the archive but damaged: detected, removed.
  mkdir -p data
  head -c "$size" /dev/zero >data/cifar-100-binary.tar.gz.part
  GLIA_FETCH_ATTEMPTS=2 run
  [ "$status" = 3 ] || wrong "a damaged file gave status $status"
  # 7. A whole file under the partial name needs no request.
  cp archive.tar.gz data/cifar-100-binary.tar.gz.part
  requests=$(wc -l <log)
  run
  [ "$status" = 0 ] && [ "$(wc -l <log)" = "$requests" ] || wrong "a whole partial file was downloaded again"
}

if command -v curl >/dev/null; then client_case curl; fi
if command -v wget >/dev/null; then
  # The same with curl out of sight.
  mkdir -p bin
  for tool in bash cat cut dirname grep gzip head md5sum mkdir mv rm seq sleep tar tail wc wget; do
    ln -sf "$(command -v $tool)" "bin/$tool"
  done
  fetch_path=$PWD/bin
  run() { status=0; PATH=$fetch_path bash "$fetch" data >output 2>&1 || status=$?; }
  client_case wget
fi
command -v curl >/dev/null || command -v wget >/dev/null || wrong "neither curl nor wget is here"
echo "download_test: passed"
