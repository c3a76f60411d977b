#!/usr/bin/env bash
# cuda_resources.sh [--spills] [FILE.cu]...  compiles the device half of each file (bench/cuda/*.cu if none is named) for ARCH (sm_90) and
# prints registers, stack and spilled bytes and shared memory of every kernel, largest first. With --spills: only kernels that
# spill registers to memory, and exit status 1 if there are any. Environment: NVCC, ARCH.
set -euo pipefail
cd "$(dirname "$0")/.."
only=all
if [ "${1:-}" = --spills ]; then only=spills; shift; fi
[ $# -ge 1 ] || set -- bench/cuda/*.cu
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
[ -x "$nvcc" ] || { echo "cuda_resources: nvcc was not found (CUDA Toolkit 13)" >&2; exit 2; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for file in "$@"; do
  "$nvcc" -std=c++20 -arch="${ARCH:-sm_90}" -O3 -cubin -Xptxas -v -Xcompiler -fopenmp -DEIGEN_NO_CUDA -I include -I . -I /usr/include/eigen3 \
    "$file" -o "$scratch/out.cubin" 2>>"$scratch/log"
done
table=$(c++filt <"$scratch/log" | awk '
  /Compiling entry function/ {
    name = $0
    sub(/^[^\047]*\047/, "", name); sub(/\047 for .*/, "", name)
    # Without the inline namespace, the return type and the argument list.
    gsub(/glia::v[A-Za-z0-9_]*::/, "", name); gsub(/\(anonymous namespace\)::/, "", name); gsub(/cuda::/, "", name)
    sub(/^void /, "", name)
    if (match(name, />\(/)) name = substr(name, 1, RSTART)
    else sub(/\(.*/, "", name)
  }
  /bytes stack frame/ { stack = $1; spilled = $5 + $9 }
  / Used [0-9]+ registers/ {
    registers = shared = 0
    for (i = 1; i <= NF; ++i) {
      if ($i ~ /^registers/) registers = $(i - 1)
      if ($i ~ /^smem/) shared = $(i - 2)
    }
    line = registers "\t" stack "\t" spilled "\t" shared "\t" name
    if (!(line in seen)) print line
    seen[line] = 1
  }' | sort -t$'\t' -k1,1rn -k5,5)
if [ "$only" = spills ]; then table=$(awk -F'\t' '$3 > 0' <<<"$table"); fi
if [ -z "$table" ]; then
  [ "$only" = spills ] || { cat "$scratch/log" >&2; exit 2; }
  echo "cuda_resources: no kernel spills registers"
  exit 0
fi
printf '%9s %6s %7s %7s  %s\n' registers stack spilled shared kernel
awk -F'\t' '{ printf "%9d %6d %7d %7d  %s\n", $1, $2, $3, $4, $5 }' <<<"$table"
[ "$only" = all ]
