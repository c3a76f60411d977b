#!/usr/bin/env bash
# run.sh SCRATCH: every *.cpp here must fail to compile, and the compiler's output must contain the text after each of
# its "// expect: " lines. control.cpp must compile, so that a broken include path cannot pass for a refusal.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$1
mkdir -p "$scratch"
failures=0
count=0

compile() {
  # shellcheck disable=SC2086  # flags are lists
  "${CXX:-g++}" -std=c++20 -fsyntax-only ${OPENMP_FLAGS:-} -I"$GLIA_SOURCE_DIR/include" \
    -isystem "${EIGEN_INCLUDE:-/usr/include/eigen3}" "$1" >"$2" 2>&1
}

check() {
  local source=$1 name log
  name=$(basename "$source" .cpp)
  log=$scratch/$name.log
  if [ "$name" = control ]; then
    if ! compile "$source" "$log"; then
      echo "compile_fail: control.cpp must compile, but:"; cat "$log"; return 1
    fi
    return 0
  fi
  if ! grep -q '^// expect: ' "$source"; then
    echo "compile_fail: $name.cpp has no '// expect: ' line"; return 1
  fi
  if compile "$source" "$log"; then
    echo "compile_fail: $name.cpp compiled, but must not"; return 1
  fi
  local expected
  while IFS= read -r expected; do
    if ! grep -qF -- "$expected" "$log"; then
      echo "compile_fail: $name.cpp is refused, but without the text \"$expected\". The compiler said:"
      grep -E 'error|static assertion' "$log" | head -n 20
      return 1
    fi
  done < <(sed -n 's|^// expect: ||p' "$source")
}

if [ ! -e "$here/control.cpp" ]; then
  echo "compile_fail: control.cpp is missing"; exit 1
fi
# Two at a time: the compilations are independent.
pids=() names=()
for source in "$here"/*.cpp; do
  check "$source" >"$scratch/$(basename "$source" .cpp).verdict" 2>&1 &
  pids+=($!) names+=("$(basename "$source" .cpp)")
  count=$((count + 1))
  if [ $((count % 2)) = 0 ]; then wait "${pids[$((count - 2))]}" 2>/dev/null; fi
done
for i in "${!pids[@]}"; do
  if ! wait "${pids[$i]}"; then
    failures=$((failures + 1))
    cat "$scratch/${names[$i]}.verdict"
  fi
done
echo "compile_fail: $((count - 1)) snippets and the control, $failures wrong"
[ "$count" -gt 1 ] && [ "$failures" -eq 0 ]
