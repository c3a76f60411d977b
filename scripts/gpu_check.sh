#!/usr/bin/env bash
# gpu_check.sh [BUILD_DIR]: on a machine with an NVIDIA GPU, builds the CUDA tests for its architecture, runs them, and prints
# one table. Exits with 2 where there is no device or no CUDA compiler: then nothing was checked. Environment: JOBS, CUDACXX.
set -euo pipefail
cd "$(dirname "$0")/.."
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
nvcc=${CUDACXX:-$(command -v nvcc || true)}
[ -n "$nvcc" ] || nvcc=/usr/local/cuda/bin/nvcc
[ -x "$nvcc" ] || nothing "no CUDA compiler here (nvcc; set CUDACXX)"
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d '. ')
echo "gpu_check: $device"

generator=()
if [ ! -f "$build/CMakeCache.txt" ] && command -v ninja >/dev/null 2>&1; then generator=(-G Ninja); fi
cmake -S . -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DGLIA_CUDA=ON -DCMAKE_CUDA_COMPILER="$nvcc" \
  -DCMAKE_CUDA_ARCHITECTURES="$capability" -DGLIA_BUILD_TESTS=ON -DGLIA_BUILD_EXAMPLES=OFF -DGLIA_BUILD_BENCH=OFF
cmake --build "$build" -j "$jobs" --target glia_test_cuda glia_mixed_host_first glia_mixed_device_first
built=$((SECONDS - started))

names=() results=() failed=0
# check NAME COMMAND...: a run that fails, or that skipped for want of a device, is a failure here.
check() {
  local name=$1 log="$build/gpu_check_$1.txt" result=passed
  shift
  if ! "$@" >"$log" 2>&1; then
    result=FAILED
  elif grep -q '^skipped: no CUDA device' "$log"; then
    result="SKIPPED (the runtime sees no device)"
  fi
  [ "$result" = passed ] || { failed=1; tail -n 60 "$log"; }
  local detail
  detail=$(sed -n 's/^\[doctest\] test cases: *//p' "$log" | tail -n 1)
  names+=("$name")
  results+=("$result${detail:+   $detail}")
}
check tests "$build/tests/glia_test_cuda" --no-colors
check mixed_host_first "$build/tests/glia_mixed_host_first"
check mixed_device_first "$build/tests/glia_mixed_device_first"
if command -v compute-sanitizer >/dev/null 2>&1; then
  check memcheck compute-sanitizer --tool memcheck --error-exitcode 9 "$build/tests/glia_test_cuda" --no-colors \
    --test-case-exclude="*out of memory*"
fi

echo
printf '%-22s %s\n' "device" "$device" "compute capability" "$capability" "build" "$built s"
for i in "${!names[@]}"; do printf '%-22s %s\n' "${names[$i]}" "${results[$i]}"; done
printf '%-22s %s\n' "everything" "$((SECONDS - started)) s"
exit "$failed"
