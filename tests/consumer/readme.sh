#!/usr/bin/env bash
# readme.sh SCRATCH: compiles and runs the first ```cpp block after the line "<!-- program -->" of README.md.
set -euo pipefail
scratch=$1
source=${GLIA_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
mkdir -p "$scratch"
program=$scratch/program.cpp
awk '/^<!-- program -->/ { marked = 1; next }
     marked && /^```cpp/ { inside = 1; next }
     inside && /^```/ { exit }
     inside { print }' "$source/README.md" >"$program.new"
if ! grep -q 'int main' "$program.new"; then
  echo 'readme: README.md has no line "<!-- program -->" followed by a ```cpp block with a main function'
  exit 1
fi
mv "$program.new" "$program"
# shellcheck disable=SC2086  # lists of flags
${LAUNCHER:-} "${CXX:-g++}" -std=c++20 -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror ${OPENMP_FLAGS:-} \
  -I"$source/include" -isystem "${EIGEN_INCLUDE:-/usr/include/eigen3}" -c "$program" -o "$scratch/program.o"
"${CXX:-g++}" ${OPENMP_FLAGS:-} "$scratch/program.o" -o "$scratch/program"
cd "$scratch" && ./program
