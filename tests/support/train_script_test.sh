#!/usr/bin/env bash
# train_script_test.sh RANGE_SERVER SCRATCH: which data scripts/train.sh picks and what it says, with stand-ins for the
# installer, CMake and the program, and a server on the loopback interface for the download.
set -euo pipefail
server=$1
scratch=$2
scripts=$(cd "$(dirname "$0")/../.." && pwd)/scripts
rm -rf "$scratch"
mkdir -p "$scratch"/{scripts,bin,elsewhere/cifar100,build/release/examples/cifar100,source/cifar-100-binary}
cd "$scratch"
cp "$scripts/train.sh" "$scripts/fetch_cifar100.sh" "$scripts/require_cmake.sh" scripts/
printf '#!/bin/sh\nexit 0\n' >scripts/install_deps.sh
printf '#!/bin/sh\necho "cmake version ${CMAKE_VERSION:-3.24.0}"\n' >bin/cmake
printf '#!/bin/sh\necho "program: $*"\nexit ${PROGRAM_STATUS:-0}\n' >build/release/examples/cifar100/cifar100
chmod +x bin/cmake build/release/examples/cifar100/cifar100
echo 1 | tee elsewhere/cifar100/train.bin >elsewhere/cifar100/test.bin
PATH=$PWD/bin:$PATH
export GLIA_FETCH_PAUSE=0 GLIA_FETCH_ATTEMPTS=2 no_proxy=127.0.0.1
unset GLIA_DATA GLIA_DOWNLOAD

server_pid=""
trap '[ -z "$server_pid" ] || kill "$server_pid"' EXIT
failed() { echo "train_script_test: $*"; cat output; exit 1; }
# train EXPECTED_STATUS ARGUMENTS...
train() {
  local expected=$1 status=0
  shift
  bash scripts/train.sh "$@" </dev/null >output 2>&1 || status=$?
  [ "$status" = "$expected" ] || failed "status $status, expected $expected, for: $*"
}
says() { grep -qF -- "$1" output || failed "does not say: $1"; }

# No data, nobody to ask: a generated set, clearly named, and the other options passed on.
train 0 --epochs 3
says 'THIS IS NOT CIFAR-100'
says '161 MiB'
says '--epochs 3 --synthetic'
[ ! -e data ] || failed "something was downloaded without being asked for"

# A build tool that is too old is named before anything is tried.
CMAKE_VERSION=3.22.1 train 1
says 'train: CMake 3.22.1 is too old; glia needs 3.24'

# A named folder, by option and by environment.
train 0 --data "$PWD/elsewhere" --preset fast
says "--preset fast --data $PWD/elsewhere"
if grep -q 'NOT CIFAR-100' output; then failed "real data called generated"; fi
GLIA_DATA=$PWD/elsewhere/cifar100 train 0
says "--data $PWD/elsewhere/cifar100"
train 1 --data "$PWD/nowhere"
says 'holds no CIFAR-100'

# A run that did not end has no report, and its status is the script's.
PROGRAM_STATUS=130 train 130 --data "$PWD/elsewhere"
if grep -q 'program: report' output; then failed "a report of an unfinished run"; fi

# The download: without a network a generated set; a wrong file is an error; a right one is used, then found in ./data.
GLIA_CIFAR100_URL=http://127.0.0.1:9/none train 0 --download
says 'THIS IS NOT CIFAR-100'
head -c 1000 /dev/urandom | tee source/cifar-100-binary/train.bin >source/cifar-100-binary/test.bin
tar -czf archive.tar.gz -C source cifar-100-binary
"$server" archive.tar.gz 0 0 port log &
server_pid=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
GLIA_CIFAR100_URL=http://127.0.0.1:$(cat port)/archive.tar.gz
export GLIA_CIFAR100_URL
GLIA_CIFAR100_MD5=0 train 1 --download
says 'wrong checksum'
GLIA_CIFAR100_MD5=$(md5sum archive.tar.gz | cut -d ' ' -f 1)
export GLIA_CIFAR100_MD5
GLIA_DOWNLOAD=1 train 0 --out "$PWD/run"
says "train --out $PWD/run --data $PWD/data"
says "program: report --run $PWD/run --out $PWD/run/report.html"
requests=$(wc -l <log)
train 0 --download
says "--data $PWD/data"
[ "$(wc -l <log)" = "$requests" ] || failed "downloaded twice"
echo "train_script_test: passed"
