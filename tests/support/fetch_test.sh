#!/usr/bin/env bash
# fetch_test.sh SCRATCH: glia_fetch of cmake/dependencies.cmake, with an archive on this machine: fetched once, refused with a wrong
# checksum, and a message that names the Debian package where it cannot be had.
set -euo pipefail
scratch=$1
modules=$(cd "$(dirname "$0")/../../cmake" && pwd)
cmake=${CMAKE_COMMAND:-cmake}
rm -rf "$scratch"
mkdir -p "$scratch"/{project,archive/thing-1.0}
cd "$scratch"
echo 'content' >archive/thing-1.0/thing.h
tar -czf thing.tar.gz -C archive thing-1.0
cat >project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.24)
project(fetch_test LANGUAGES NONE)
option(GLIA_FETCH "" ON)
include("${MODULES}/dependencies.cmake")
glia_fetch(Thing URL "${URL}" SHA256 "${SHA256}" PACKAGE libthing-dev)
message(STATUS "found ${Thing_SOURCE_DIR}")
END

failed() { echo "fetch_test: $*"; cat output; exit 1; }
# configure ok|refused OPTIONS...
configure() {
  local expected=$1 got=ok
  shift
  "$cmake" -S project -B build -DMODULES="$modules" -DGLIA_DOWNLOAD_DIR="$PWD/downloads" -DURL="file://$PWD/thing.tar.gz" \
    -DSHA256="$sum" -DGLIA_FETCH=ON "$@" >output 2>&1 || got=refused
  [ "$got" = "$expected" ] || failed "$got, expected $expected, for: $*"
  # the message is broken into lines
  tr -s ' \n' ' ' <output >words
}
says() { grep -qF -- "$1" words || failed "does not say: $1"; }
sum=$(sha256sum thing.tar.gz | cut -d ' ' -f 1)

configure refused -DGLIA_FETCH=OFF
says 'Thing was not found, and fetching is switched off. Install it (Debian/Ubuntu: apt-get install libthing-dev)'
configure refused -DURL="file://$PWD/none.tar.gz"
says 'could not be downloaded'
says 'libthing-dev'
configure refused -DSHA256=0123
says "has checksum $sum, expected 0123"
[ -z "$(ls downloads)" ] || failed "a wrong archive was kept"
configure ok
says 'downloading'
[ "$(cat build/_deps/thing-src/thing.h)" = content ] || failed "the archive was not unpacked"
rm -rf build
configure ok
if grep -q downloading output; then failed "fetched twice"; fi
echo "fetch_test: passed"
