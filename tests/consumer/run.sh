#!/usr/bin/env bash
# run.sh WAY SCRATCH: builds and runs an outside project that gets glia by WAY (find_package, add_subdirectory,
# fetch_content or pkg_config; cuda is find_package with the component cuda, for nvcc), its warnings being errors and glia's
# headers not being system headers. With GLIA_TEST_FULL=ON, cuda also builds and runs the program that links glia::cuda_compiled.
set -euo pipefail
way=$1
scratch=$2
here=$(cd "$(dirname "$0")" && pwd)
source=${GLIA_SOURCE_DIR:-$(cd "$here/../.." && pwd)}
cmake=${CMAKE_COMMAND:-cmake}
cxx=${CXX:-g++}
launcher=${LAUNCHER:-}
prefix=$scratch/prefix
mkdir -p "$scratch"

install_glia() {
  rm -rf "$prefix"
  "$cmake" -S "$source" -B "$scratch/package" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" -DGLIA_BUILD_TESTS=OFF \
    -DGLIA_BUILD_EXAMPLES=OFF -DGLIA_BUILD_BENCH=OFF -DGLIA_CUDA=OFF -DGLIA_DOWNLOAD_DIR="${GLIA_DOWNLOAD_DIR:-$scratch/downloads}" \
    -DCMAKE_INSTALL_PREFIX="$prefix"
  "$cmake" --install "$scratch/package"
}

if [ "$way" = find_package ] || [ "$way" = pkg_config ] || [ "$way" = cuda ]; then install_glia >"$scratch/install.log" || { cat "$scratch/install.log"; exit 1; }; fi

# A compiler's remark that is not a warning (GCC's notes on changed calling conventions) is noise for a user too.
refuse_remarks() {
  if grep -E '(warning|note): ' "$1"; then
    echo "consumer: the compiler printed remarks"; exit 1
  fi
}

if [ "$way" = pkg_config ]; then
  if ! command -v pkg-config >/dev/null; then
    echo "consumer: pkg-config is missing (Debian/Ubuntu: apt-get install pkg-config)"; exit 1
  fi
  export PKG_CONFIG_PATH=$prefix/share/pkgconfig
  mkdir -p "$scratch/pkg_config"
  cd "$scratch/pkg_config"
  # Eigen's own pkg-config file says -I; naming the directory with -isystem too makes it a system one.
  objects=()
  for unit in main other; do
    # shellcheck disable=SC2046,SC2086  # lists of flags
    $launcher "$cxx" -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror $(pkg-config --cflags glia) \
      $(pkg-config --cflags-only-I eigen3 | sed 's/-I/-isystem /g') -c "$here/source/$unit.cpp" -o "$unit.o" 2>"$unit.log" || { cat "$unit.log"; exit 1; }
    refuse_remarks "$unit.log"
    objects+=("$unit.o")
  done
  # shellcheck disable=SC2046
  "$cxx" "${objects[@]}" -o consumer $(pkg-config --libs glia)
  ./consumer
  exit
fi

"$cmake" -S "$here/$way" -B "$scratch/$way" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_COMPILER_LAUNCHER="$launcher" \
  ${CUDACXX:+-DCMAKE_CUDA_COMPILER="$CUDACXX" -DCMAKE_CUDA_HOST_COMPILER="$cxx" -DCMAKE_CUDA_COMPILER_LAUNCHER="$launcher"} \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH="$prefix" -DGLIA_SOURCE_DIR="$source" \
  -DGLIA_DOWNLOAD_DIR="${GLIA_DOWNLOAD_DIR:-$scratch/downloads}"
"$cmake" --build "$scratch/$way" >"$scratch/$way.log" 2>&1 || { cat "$scratch/$way.log"; exit 1; }
refuse_remarks "$scratch/$way.log"
"$scratch/$way/consumer"
[ "$way" != find_package ] || "$scratch/$way/consumer_native"
if [ "$way" = cuda ]; then
  # Without the full tier, its C++ file against the installed headers; CMake has seen that the library's sources are there.
  target=CMakeFiles/consumer_compiled.dir/plain.cpp.o
  if [ "${GLIA_TEST_FULL:-OFF}" = ON ]; then target=consumer_compiled; fi
  "$cmake" --build "$scratch/$way" --target "$target" >"$scratch/$way.log" 2>&1 || { cat "$scratch/$way.log"; exit 1; }
  refuse_remarks "$scratch/$way.log"
  [ "$target" != consumer_compiled ] || "$scratch/$way/consumer_compiled"
fi
