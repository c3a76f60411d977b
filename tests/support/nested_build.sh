#!/usr/bin/env bash
# nested_build.sh [--build-only] PRESET: configures, builds and tests build/PRESET, for sanitizers and other compilers.
set -euo pipefail
build_only=0
if [ "$1" = --build-only ]; then build_only=1; shift; fi
preset=$1
cd "$(dirname "$0")/../.."
cmake=${CMAKE_COMMAND:-cmake}
ctest=${cmake%cmake}ctest

# GLIA_TEST_LONG_UNITS=ON, which the full tier sets, adds what tests/CMakeLists.txt leaves out of the short runs.
arguments=("-DGLIA_TEST_LONG_UNITS=${GLIA_TEST_LONG_UNITS:-OFF}")
if [ "$preset" = asan-ubsan ] && [ "${GLIA_TEST_LONG_UNITS:-OFF}" != ON ]; then
  # Compiling takes most of the short run, and with both sanitizers 2.4 times as long at -O1 (tests/CMakeLists.txt excepts what computes much).
  arguments+=(-DCMAKE_CXX_FLAGS=-O0)
fi
[ -z "${GLIA_DOWNLOAD_DIR:-}" ] || arguments+=("-DGLIA_DOWNLOAD_DIR=$GLIA_DOWNLOAD_DIR")

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
if [ "$preset" = tsan ]; then
  # archer tells the thread sanitizer about OpenMP's synchronisation; without it every parallel loop looks like a race.
  archer=$(clang++ -print-file-name=libarcher.so)
  [ -e "$archer" ] || archer=$(find /usr/lib -name libarcher.so 2>/dev/null | sort | tail -n 1)
  if [ ! -e "$archer" ]; then
    echo "nested_build: libarcher.so not found (Debian/Ubuntu: apt-get install libomp-dev)" >&2
    exit 1
  fi
  export OMP_TOOL_LIBRARIES=$archer
  export TSAN_OPTIONS=${TSAN_OPTIONS:-ignore_noninstrumented_modules=1 halt_on_error=1}
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-4}
fi

"$cmake" --preset "$preset" "${arguments[@]}"
"$cmake" --build --preset "$preset"
[ "$build_only" = 1 ] || "$ctest" --preset "$preset" -j "$(nproc 2>/dev/null || echo 2)" --no-tests=error
