#!/usr/bin/env bash
# train.sh [--data DIR] [--download] [options of `cifar100 train`]
# Installs what is missing, builds the flagship program, finds CIFAR-100 (--data, GLIA_DATA, ./data), trains, and writes
# the report of the run.
# Without the data it asks whether to download it (161 MiB); --download or GLIA_DOWNLOAD=1 says yes beforehand. Without
# the data and without a download it trains on a generated data set, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

data=${GLIA_DATA:-}
download=${GLIA_DOWNLOAD:-0}
synthetic=0
out=""
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --data) data=${2:?--data needs a folder}; shift ;;
    --data=*) data=${1#--data=} ;;
    --download) download=1 ;;
    --synthetic) synthetic=1 ;;
    --out) out=${2:?--out needs a folder}; shift ;;
    --out=*) out=${1#--out=} ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

bash scripts/install_deps.sh g++:g++ cmake:cmake ninja-build:ninja \
  --optional libeigen3-dev libcli11-dev nlohmann-json3-dev libfmt-dev libpng-dev libjpeg-dev git:git ccache:ccache
bash scripts/require_cmake.sh train
# The same tree as the tests', so that neither builds anything twice.
[ -e build/release/build.ninja ] || cmake --preset release -DGLIA_BUILD_TESTS=OFF -DGLIA_BUILD_BENCH=OFF
cmake --build build/release --target cifar100

# True where DIR, or a usual folder inside it, holds the two files.
has_data() {
  local folder
  for folder in "$1" "$1/cifar100" "$1/cifar-100-binary"; do
    if [ -s "$folder/train.bin" ] && [ -s "$folder/test.bin" ]; then return 0; fi
  done
  return 1
}

if [ "$synthetic" = 0 ]; then
  if [ -n "$data" ]; then
    has_data "$data" || { echo "train: $data holds no CIFAR-100 (train.bin and test.bin, or a folder cifar100 or cifar-100-binary with them)" >&2; exit 1; }
  elif has_data "$root/data"; then
    data=$root/data
  else
    if [ "$download" != 1 ] && [ -t 0 ] && [ -t 1 ]; then
      read -r -p "train: CIFAR-100 was not found. Download it into ./data (161 MiB, for research use)? [y/N] " answer || answer=n
      case $answer in [yY]*) download=1 ;; esac
    fi
    if [ "$download" = 1 ]; then
      # A curl that was installed for another purpose may lack the certificates.
      if command -v curl >/dev/null || command -v wget >/dev/null; then
        bash scripts/install_deps.sh --optional ca-certificates
      else
        bash scripts/install_deps.sh curl:curl ca-certificates
      fi
      status=0
      bash scripts/fetch_cifar100.sh "$root/data" || status=$?
      # Without a network the run below is a generated one, and says so; a wrong file is an error.
      if [ "$status" = 0 ]; then data=$root/data; elif [ "$status" = 3 ]; then exit 1; fi
    else
      echo "train: CIFAR-100 was not found, and no download was asked for (--download, or GLIA_DOWNLOAD=1: 161 MiB)."
    fi
    [ -n "$data" ] || synthetic=1
  fi
fi

if [ -z "$out" ]; then out=runs/cifar100-$(date +%Y%m%d-%H%M%S); fi
mkdir -p "$out"
program=build/release/examples/cifar100/cifar100
if [ "$synthetic" = 1 ]; then
  echo "train: ------------------------------------------------------------------------------"
  echo "train: THIS IS NOT CIFAR-100. Training on a generated 100-class set of coloured patterns;"
  echo "train: its accuracy says nothing about CIFAR-100. Use --data DIR or --download for the real one."
  echo "train: ------------------------------------------------------------------------------"
  arguments+=(--synthetic)
else
  arguments+=(--data "$data")
fi
echo "train: $program train --out $out ${arguments[*]}"
# Ctrl-C is for the program, which saves the run and exits with 130.
trap : INT
status=0
"$program" train --out "$out" "${arguments[@]}" || status=$?
trap - INT
[ "$status" = 0 ] || exit "$status"
echo "train: $program report --run $out --out $out/report.html"
exec "$program" report --run "$out" --out "$out/report.html"
