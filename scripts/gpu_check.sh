#!/usr/bin/env bash
# gpu_check.sh [--prebuilt] [BUILD_DIR]: on a machine with an NVIDIA GPU, builds the CUDA tests, benchmarks and the flagship for its
# architecture, runs them, compares with PyTorch where it is installed, trains for a moment, and prints one table. --prebuilt runs
# what BUILD_DIR holds without building (a build for the same architecture, or one with PTX). Exits with 2 where there is no device
# or no CUDA compiler: then nothing was checked. Environment: JOBS, CUDACXX, PYTHON, GLIA_DATA (else a generated data set is used).
set -euo pipefail
cd "$(dirname "$0")/.."
prebuilt=0
if [ "${1:-}" = --prebuilt ]; then prebuilt=1; shift; fi
build=${1:-build/gpu}
jobs=${JOBS:-$(nproc 2>/dev/null || echo 4)}
started=$SECONDS

nothing() {
  echo "gpu_check: $1; nothing was checked" >&2
  exit 2
}
command -v nvidia-smi >/dev/null 2>&1 || nothing "no NVIDIA driver here (nvidia-smi is missing)"
device=$(nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -n 1) || true
[ -n "$device" ] || nothing "no CUDA device here (nvidia-smi lists none)"
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d '. ')
echo "gpu_check: $device"

if [ "$prebuilt" = 1 ]; then
  [ -x "$build/tests/glia_test_cuda" ] || nothing "$build holds no tests (build them, or leave out --prebuilt)"
else
  nvcc=${CUDACXX:-$(command -v nvcc || true)}
  [ -n "$nvcc" ] || nvcc=/usr/local/cuda/bin/nvcc
  [ -x "$nvcc" ] || nothing "no CUDA compiler here (nvcc; set CUDACXX)"
  generator=()
  if [ ! -f "$build/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then generator=(-G Ninja); fi
  cmake -S . -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DGLIA_CUDA=ON -DCMAKE_CUDA_COMPILER="$nvcc" \
    -DCMAKE_CUDA_ARCHITECTURES="$capability" -DGLIA_BUILD_TESTS=ON -DGLIA_BUILD_EXAMPLES=ON -DGLIA_BUILD_BENCH=ON
  cmake --build "$build" -j "$jobs" --target glia_test_cuda glia_test_cuda_compiled glia_mixed_host_first glia_mixed_device_first bench_cuda_kernels cifar100
fi
built=$((SECONDS - started))
results="$build/gpu_check"
mkdir -p "$results"

names=() outcomes=() failed=0
row() { names+=("$1"); outcomes+=("$2"); }
# check NAME SECONDS COMMAND...: a run that fails, or that skipped for want of a device, is a failure here.
check() {
  local name=$1 seconds=$2 log="$results/$1.txt" result=passed begin=$SECONDS
  shift 2
  if ! timeout "$seconds" "$@" >"$log" 2>&1; then
    result=FAILED
  elif grep -q '^skipped: no CUDA device' "$log"; then
    result="SKIPPED (the runtime sees no device)"
  fi
  if [ "$result" != passed ]; then failed=1; tail -n 60 "$log"; fi
  local detail
  detail=$(sed -n 's/^\[doctest\] test cases: *//p' "$log" | tail -n 1)
  row "$name" "$result, $((SECONDS - begin)) s${detail:+   $detail}"
}
check tests 180 "$build/tests/glia_test_cuda" --no-colors
check mixed_host_first 60 "$build/tests/glia_mixed_host_first"
check mixed_device_first 60 "$build/tests/glia_mixed_device_first"
check compiled 60 "$build/tests/glia_test_cuda_compiled"

bench="$build/bench/bench_cuda_kernels"
if [ -x "$bench" ]; then
  check benchmarks 150 "$bench" --benchmark_min_time=0.2 --benchmark_out="$results/kernels.json" --benchmark_out_format=json
  cat "$results/benchmarks.txt"
  python=${PYTHON:-$(command -v python3 || true)}
  if [ -n "$python" ] && "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    check pytorch 150 "$python" bench/cuda/compare_pytorch.py "$results/kernels.json"
    cat "$results/pytorch.txt"
  else
    row pytorch "not compared: no PyTorch with CUDA (set PYTHON)"
  fi
else
  row benchmarks "not built"
fi

flagship="$build/examples/cifar100/cifar100"
if [ -x "$flagship" ]; then
  run="$results/run"
  rm -rf "$run"
  data=()
  [ -n "${GLIA_DATA:-}" ] || data=(--synthetic)
  check training 180 "$flagship" train --device cuda --preset fast --epochs 2 --quiet --out "$run" "${data[@]}"
  if [ -f "$run/summary.json" ]; then
    for key in test_accuracy seconds_per_epoch_median images_per_second; do
      row "training $key" "$(sed -n "s/.*\"$key\": *\([0-9.e+-]*\).*/\1/p" "$run/summary.json" | head -n 1)"
    done
  fi
else
  row training "not built"
fi

# The slowest tool comes last, with what is left of ten minutes.
left=$((590 - (SECONDS - started)))
if command -v compute-sanitizer >/dev/null 2>&1 && [ "$left" -gt 30 ]; then
  check memcheck "$left" compute-sanitizer --tool memcheck --error-exitcode 9 "$build/tests/glia_test_cuda" --no-colors \
    --test-case-exclude="*out of memory*,*gradients agree with differences*"
else
  row memcheck "not run: no compute-sanitizer, or no time left"
fi

echo
printf '%-36s %s\n' "device" "$device" "compute capability" "$capability" "build" "$built s"
for i in "${!names[@]}"; do printf '%-36s %s\n' "${names[$i]}" "${outcomes[$i]}"; done
printf '%-36s %s\n' "everything" "$((SECONDS - started)) s"
exit "$failed"
