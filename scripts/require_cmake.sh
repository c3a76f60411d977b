#!/usr/bin/env bash
# require_cmake.sh NAME: exits with 1 and a message that starts with NAME where CMake is older than glia needs.
set -euo pipefail
version=$(cmake --version | sed -n 's/^cmake version //p')
if [ "$(printf '%s\n3.24\n' "$version" | sort -V | head -n 1)" != 3.24 ]; then
  echo "$1: CMake $version is too old; glia needs 3.24 (Debian 12 or Ubuntu 24.04 have it; else: https://cmake.org/download)" >&2
  exit 1
fi
