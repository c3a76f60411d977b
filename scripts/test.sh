#!/usr/bin/env bash
# test.sh [--full]: installs what is missing, builds everything and runs the tests; the last line is ctest's summary.
# The fast tier is the default; --full adds clang, the thread sanitizer and long fuzzing.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS

full=OFF
for argument in "$@"; do
  case $argument in
    --full) full=ON ;;
    *) echo "usage: test.sh [--full]" >&2; exit 2 ;;
  esac
done

# The tools must be there; a library that cannot be installed is fetched by CMake.
needed=(g++:g++ cmake:cmake ninja-build:ninja pkg-config:pkg-config curl:curl)
optional=(libeigen3-dev doctest-dev libbenchmark-dev libcli11-dev nlohmann-json3-dev libfmt-dev libpng-dev libjpeg-dev git:git ccache:ccache)
if [ "$full" = ON ]; then
  needed+=(clang:clang++ libomp-dev llvm:llvm-symbolizer)
else
  optional+=(clang:clang++)
fi
bash scripts/install_deps.sh "${needed[@]}" --optional "${optional[@]}"
bash scripts/require_cmake.sh test

step() {
  local begin=$SECONDS
  echo "test: $1"
  shift
  "$@"
  echo "test: ... $((SECONDS - begin)) s"
}

step "configure build/release" cmake --preset release -DGLIA_BUILD_TESTS=ON -DGLIA_BUILD_EXAMPLES=ON \
  -DGLIA_BUILD_BENCH=ON -DGLIA_TEST_FULL=$full -DGLIA_CUDA="${GLIA_CUDA:-AUTO}"
step "build build/release" cmake --build --preset release
step "build build/asan-ubsan" env GLIA_TEST_LONG_UNITS=$full bash tests/support/nested_build.sh --build-only asan-ubsan

jobs=$(nproc 2>/dev/null || echo 2)
log=build/release/ctest-output.txt
status=0
begin=$SECONDS
ctest --preset release -j "$jobs" --no-tests=error </dev/null 2>&1 | tee "$log" || status=$?
echo "test: ctest $((SECONDS - begin)) s, everything $((SECONDS - started)) s"
if [ ! -x build/release/tests/glia_test_cuda ]; then
  echo "test: CUDA sources were not compiled (they are where nvcc, cuBLAS and cuDNN are found and GLIA_CUDA is not OFF)"
fi
grep -E '^[0-9]+% tests passed' "$log" | tail -n 1
exit "$status"
