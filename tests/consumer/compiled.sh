#!/usr/bin/env bash
# compiled.sh SCRATCH: installs glia, builds the README's program header-only and with glia::compiled, and compares what they print and
# how much code they hold; then checks that CMake refuses glia::compiled together with glia::native.
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
source=${GLIA_SOURCE_DIR:-$(cd "$here/../.." && pwd)}
cmake=${CMAKE_COMMAND:-cmake}
cxx=${CXX:-g++}
mkdir -p "$scratch"
rm -rf "$scratch/prefix"
{ "$cmake" -S "$source" -B "$scratch/package" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" -DGLIA_BUILD_TESTS=OFF -DGLIA_BUILD_EXAMPLES=OFF \
    -DGLIA_BUILD_BENCH=OFF -DGLIA_CUDA=OFF -DGLIA_DOWNLOAD_DIR="${GLIA_DOWNLOAD_DIR:-$scratch/downloads}" \
    -DCMAKE_INSTALL_PREFIX="$scratch/prefix"
  "$cmake" --install "$scratch/package"; } >"$scratch/install.log" 2>&1 || { cat "$scratch/install.log"; exit 1; }

awk '/^<!-- program -->/ { marked = 1; next }
     marked && /^```cpp/ { inside = 1; next }
     inside && /^```/ { exit }
     inside { print }' "$source/README.md" >"$scratch/program.cpp"
configure() {
  "$cmake" -S "$here/compiled" -B "$scratch/$1" -G Ninja -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_COMPILER_LAUNCHER="${LAUNCHER:-}" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$scratch/prefix" -DPROGRAM="$scratch/program.cpp" "${@:2}" >"$scratch/$1.log" 2>&1
}
configure build || { cat "$scratch/build.log"; exit 1; }
"$cmake" --build "$scratch/build" >"$scratch/build.log" 2>&1 || { cat "$scratch/build.log"; exit 1; }
for way in glia compiled; do "$scratch/build/program_$way" >"$scratch/$way.txt"; done
grep -q '^loss ' "$scratch/glia.txt" || { echo "compiled: the program printed no loss"; exit 1; }
cmp "$scratch/glia.txt" "$scratch/compiled.txt" || { echo "compiled: the numbers differ from the header-only program's"; exit 1; }

# Bytes of functions in the program's own object.
code() { size -A "$(find "$scratch/build/CMakeFiles/program_$1.dir" -name '*.o' | head -n 1)" | awk '$1 ~ /^\.text/ { sum += $2 } END { print sum }'; }
echo "compiled: $(wc -l <"$scratch/glia.txt") lines equal; own code $(code glia) bytes header-only, $(code compiled) with glia::compiled"
if [ "$(($(code compiled) * 5))" -gt "$(code glia)" ]; then
  echo "compiled: the program still compiles much of the library itself"; exit 1
fi

if configure mixed -DMIXED=ON; then echo "compiled: CMake accepted glia::compiled with glia::native"; exit 1; fi
grep -q GLIA_INSTRUCTIONS "$scratch/mixed.log" || { echo "compiled: refused without the reason:"; cat "$scratch/mixed.log"; exit 1; }
