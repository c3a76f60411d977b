#!/usr/bin/env bash
# check_layers.sh [INCLUDE_DIR]  checks the headers against the rules of docs/design.md: which layer may include which,
# where Eigen and compiler macros may appear, and what every header must have. Prints FILE:LINE: rule, exits with 1.
# check_layers.sh --self-test    checks that each rule catches a header that breaks it.
set -euo pipefail
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")

# Reads headers (paths relative to the folder that holds glia/), prints one line per violation.
check_files() {
  awk '
    # The layer of a path like glia/nn/linear.hpp; files directly in glia/ are umbrellas.
    function layer_of(path, parts, n) {
      n = split(path, parts, "/")
      if (n == 2) return "umbrella"
      # A tool built on ops, which nothing in autograd uses.
      if (path == "glia/autograd/gradcheck.hpp") return "ops"
      if (parts[2] == "kernels") return "kernels/" parts[3]
      return parts[2]
    }
    function report(rule) { printf "%s:%d: %s\n", FILENAME, FNR, rule }
    function finish() {
      if (current != "" && !pragma) printf "%s:1: has no #pragma once\n", current
    }
    BEGIN {
      # What each layer may include, besides itself. "kernels" stands for kernels/cpu and kernels/cuda.
      allowed["core"] = ""
      allowed["device"] = "core"
      allowed["kernels/cpu"] = "core"            # and the device tag, device/cpu.hpp
      allowed["kernels/cuda"] = "core device"
      allowed["tensor"] = "core device kernels"
      allowed["autograd"] = allowed["tensor"] " tensor"
      allowed["ops"] = allowed["autograd"] " autograd"
      allowed["nn"] = "core device tensor autograd ops"
      allowed["spiking"] = allowed["ops"] " ops nn"
      allowed["ssl"] = allowed["nn"] " nn"
      top = "optim data metrics io explain train"
      n = split(top, names, " ")
      for (i = 1; i <= n; ++i) allowed[names[i]] = allowed["ops"] " ops nn spiking ssl " top
      allowed["compiled"] = allowed["ops"] " ops nn spiking ssl " top  # lists of what glia::compiled holds
    }
    FNR == 1 {
      finish()
      current = FILENAME
      pragma = 0
      in_comment = 0
      layer = layer_of(FILENAME)
      if (layer != "umbrella" && !(layer in allowed)) report("unknown layer \"" layer "\": name it in scripts/check_layers.sh")
    }
    {
      line = $0
      if (in_comment) {
        if (!match(line, /\*\//)) next
        line = substr(line, RSTART + 2)
        in_comment = 0
      }
      gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", line)
      if (match(line, /\/\*/)) { line = substr(line, 1, RSTART - 1); in_comment = 1 }
      sub(/\/\/.*/, "", line)
    }
    line ~ /^[ \t]*#[ \t]*pragma[ \t]+once/ { pragma = 1 }
    line ~ /^[ \t]*#[ \t]*include/ {
      if (line ~ /"/) report("quoted include: write <glia/...>")
      if (match(line, /<[^>]*>/)) {
        name = substr(line, RSTART + 1, RLENGTH - 2)
        if (name ~ /^(unsupported\/)?Eigen\// && layer != "kernels/cpu" && FILENAME !~ /^glia\/tensor\/interop/)
          report("Eigen outside kernels/cpu and tensor/interop")
        if (name == "cassert" || name == "assert.h") report("assert depends on NDEBUG: raise an error, or drop the check")
        if (name ~ /\.cuh$/ && FILENAME ~ /\.hpp$/ && FILENAME != "glia/cuda.hpp") report(".cuh included from a .hpp")
        if (name ~ /^(cuda|cublas|cudnn)[a-zA-Z0-9_]*\.h$/ && FILENAME !~ /^glia\/(cuda\.hpp$|device\/(.*_)?cuda|kernels\/cuda\/)/)
          report("a CUDA header outside the CUDA half")
        if (name ~ /^glia\//) {
          # dual.hpp ends by including its functions, which need it: the one wanted loop.
          if (FILENAME " " name != "glia/core/dual.hpp glia/core/math_dual.hpp") print FILENAME, name > edges
          target = layer_of(name)
          if (layer == "umbrella") {
            if (FILENAME == "glia/fwd.hpp" && target != "core" && target != "device")
              report("fwd.hpp includes " name ": it may include core and device alone")
          } else if (target == "umbrella") {
            if (name != "glia/fwd.hpp") report("a layer includes the umbrella header " name)
          } else if (target != layer && !(layer == "kernels/cpu" && name == "glia/device/cpu.hpp")) {
            wanted = target
            sub(/\/.*/, "", wanted)
            if (index(" " allowed[layer] " ", " " wanted " ") == 0)
              report("layer " layer " may not include " name " (allowed: " allowed[layer] ")")
          }
        }
      }
    }
    line ~ /(^|[^A-Za-z0-9_])(__CUDACC__|__CUDA_ARCH__|__NVCC__|NDEBUG)([^A-Za-z0-9_]|$)/ {
      if (FILENAME !~ /^glia\/(core\/config|cuda|device\/cuda)\.hpp$/) report("a compiler macro outside core/config.hpp and the CUDA umbrellas")
    }
    line ~ /(^|[^A-Za-z0-9_])(_OPENMP|__AVX[A-Z0-9_]*__|__AVX2?__|__SSE[A-Z0-9_]*__|__FMA__|__FAST_MATH__|__GNUC__|__clang__)([^A-Za-z0-9_]|$)/ {
      if (FILENAME != "glia/core/config.hpp" && !(FILENAME == "glia/core/parallel.hpp" && line ~ /_OPENMP/))
        report("a compiler macro outside core/config.hpp")
    }
    line ~ /^[ \t]*#[ \t]*define[ \t]/ && line !~ /define[ \t]+(GLIA_|EIGEN_)/ { report("a macro without the prefix GLIA_") }
    line ~ /(^|[^A-Za-z0-9_])namespace[ \t]+glia([^A-Za-z0-9_]|$)/ && line !~ /namespace[ \t]+[A-Za-z0-9_]+[ \t]*=/ {
      if (FILENAME != "glia/core/config.hpp") report("namespace glia reopened: write namespace GLIA_NS")
    }
    END { finish() }
  ' edges="$1" "${@:2}"
}

check_tree() {
  local directory=$1 edges violations loops
  cd "$directory"
  edges=$(mktemp)
  mapfile -t files < <(find glia -name '*.hpp' -o -name '*.cuh' | LC_ALL=C sort)
  if [ ${#files[@]} -eq 0 ]; then echo "check_layers: no headers in $directory/glia"; return 1; fi
  violations=$(check_files "$edges" "${files[@]}")
  # No header may, through others, include itself; tsort names the files of a loop.
  loops=$(tsort "$edges" 2>&1 >/dev/null | sed -n 's/^tsort: \(glia\/.*\)$/\1: part of an include cycle/p') || true
  rm -f "$edges"
  if [ -n "$violations$loops" ]; then
    [ -z "$violations" ] || echo "$violations"
    [ -z "$loops" ] || echo "$loops"
    return 1
  fi
  echo "check_layers: ${#files[@]} headers, no violation"
}

self_test() {
  local tree failures=0
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' RETURN
  reset_tree() {
    rm -rf "$tree/glia"
    mkdir -p "$tree"/glia/{core,device,tensor,nn,ops,spiking,ssl,train,optim,kernels/cpu,kernels/cuda}
    printf '#pragma once\n#if defined(__CUDACC__) || defined(_OPENMP)\n#define GLIA_HD\n#endif\nnamespace glia {}\n' >"$tree/glia/core/config.hpp"
    printf '#pragma once\n' >"$tree/glia/device/cpu.hpp"
    printf '#pragma once\n// NDEBUG and <Eigen/Core> in a comment are fine\n#include <glia/core/config.hpp>\n' >"$tree/glia/tensor/tensor.hpp"
    printf '#pragma once\n#include <Eigen/Core>\n#include <glia/device/cpu.hpp>\n' >"$tree/glia/kernels/cpu/gemm.hpp"
    printf '#pragma once\n' >"$tree/glia/kernels/cuda/gemm.cuh"
    printf '#pragma once\n#include <glia/kernels/cuda/gemm.cuh>\n#include <glia/tensor/tensor.hpp>\n' >"$tree/glia/cuda.hpp"
    printf '#pragma once\n#include <glia/tensor/tensor.hpp>\n' >"$tree/glia/nn/linear.hpp"
  }
  # refuse PHRASE FILE TEXT [TEXT_OF_B]: the tree with FILE holding TEXT (and core/b.hpp) is refused with PHRASE.
  refuse() {
    local output
    reset_tree
    mkdir -p "$tree/glia/$(dirname "$2")"
    printf '%b' "$3" >"$tree/glia/$2"
    [ -z "${4:-}" ] || printf '%b' "$4" >"$tree/glia/core/b.hpp"
    if output=$(bash "$self" "$tree" 2>&1); then
      echo "self-test: accepted, but must refuse ($1): $3"; failures=$((failures + 1))
    elif [[ $output != *"$1"* ]]; then
      echo "self-test: refused without \"$1\": $output"; failures=$((failures + 1))
    fi
  }
  reset_tree
  if ! bash "$self" "$tree" >/dev/null; then
    echo "self-test: a clean tree is refused:"; bash "$self" "$tree" || true; failures=$((failures + 1))
  fi
  refuse 'has no #pragma once' core/a.hpp 'int a;\n'
  refuse 'layer core may not include' core/a.hpp '#pragma once\n#include <glia/tensor/tensor.hpp>\n'
  refuse 'layer tensor may not include' tensor/a.hpp '#pragma once\n#include <glia/nn/linear.hpp>\n'
  refuse 'layer nn may not include' nn/a.hpp '#pragma once\n#include <glia/kernels/cpu/gemm.hpp>\n'
  refuse 'layer spiking may not include' spiking/a.hpp '#pragma once\n  #  include <glia/ssl/x.hpp>\n'
  refuse 'layer kernels/cpu may not include' kernels/cpu/a.hpp '#pragma once\n#include <glia/tensor/tensor.hpp>\n'
  refuse 'layer kernels/cpu may not include' kernels/cpu/a.hpp '#pragma once\n#include <glia/device/allocator.hpp>\n'
  refuse 'layer kernels/cpu may not include' kernels/cpu/a.hpp '#pragma once\n#include <glia/kernels/cuda/gemm.hpp>\n'
  refuse 'a layer includes the umbrella' nn/a.hpp '#pragma once\n#include <glia/glia.hpp>\n'
  refuse 'unknown layer' novel/a.hpp '#pragma once\n'
  refuse 'Eigen outside' tensor/a.hpp '#pragma once\n#include <Eigen/Core>\n'
  refuse '.cuh included from' nn/a.hpp '#pragma once\n#include <glia/kernels/cuda/gemm.cuh>\n'
  refuse 'a compiler macro' nn/a.hpp '#pragma once\n#ifdef __CUDACC__\n#endif\n'
  refuse 'a compiler macro' nn/a.hpp '#pragma once\n#ifndef NDEBUG\n#endif\n'
  refuse 'a compiler macro' tensor/a.hpp '#pragma once\n#if defined(_OPENMP)\n#endif\n'
  refuse 'a compiler macro' kernels/cpu/a.hpp '#pragma once\n#if __AVX512F__\n#endif\n'
  refuse 'assert depends on NDEBUG' nn/a.hpp '#pragma once\n#include <cassert>\n'
  refuse 'without the prefix' nn/a.hpp '#pragma once\n#define CHECK(x) x\n'
  refuse 'quoted include' nn/a.hpp '#pragma once\n#include "linear.hpp"\n'
  refuse 'namespace glia reopened' nn/a.hpp '#pragma once\nnamespace glia::nn {}\n'
  refuse 'a CUDA header outside' nn/a.hpp '#pragma once\n#include <cuda_runtime.h>\n'
  refuse 'part of an include cycle' core/config.hpp '#pragma once\n#include <glia/core/b.hpp>\n' '#include <glia/core/config.hpp>\n#pragma once\n'
  [ "$failures" -eq 0 ] && echo "check_layers: self-test passed"
}

if [ "${1:-}" = --self-test ]; then
  self_test
else
  check_tree "${1:-$(dirname "$0")/../include}"
fi
