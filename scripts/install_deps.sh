#!/usr/bin/env bash
# install_deps.sh PACKAGE...: installs those Debian/Ubuntu packages that are missing, with apt-get as root or by sudo.
# A package may be written PACKAGE:COMMAND, and is then missing only where COMMAND is not found. Packages after
# "--optional" may fail to install. Exits with 1, naming the packages, when needed ones cannot be had.
set -uo pipefail

needed=() optional=()
target=needed

missing() {
  local package=${1%%:*} command=""
  [ "$package" = "$1" ] || command=${1#*:}
  if [ -n "$command" ]; then
    ! command -v "$command" >/dev/null 2>&1
  elif command -v dpkg-query >/dev/null 2>&1; then
    ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed'
  else
    true
  fi
}

for item in "$@"; do
  if [ "$item" = --optional ]; then
    target=optional
  elif missing "$item"; then
    if [ "$target" = needed ]; then needed+=("${item%%:*}"); else optional+=("${item%%:*}"); fi
  fi
done
[ $((${#needed[@]} + ${#optional[@]})) -gt 0 ] || exit 0

root=()
if [ "$(id -u)" != 0 ]; then
  root=(sudo)
  # Without a terminal a password cannot be asked for.
  [ -t 0 ] || root=(sudo -n)
fi

give_up() {
  [ ${#needed[@]} -gt 0 ] || exit 0
  echo "install_deps: $1. Please install: ${needed[*]}" >&2
  echo "install_deps: on Debian or Ubuntu: apt-get install ${needed[*]}" >&2
  exit 1
}

command -v apt-get >/dev/null 2>&1 || give_up "this system has no apt-get"
if [ ${#root[@]} -gt 0 ] && ! command -v sudo >/dev/null 2>&1; then give_up "not root, and there is no sudo"; fi

export DEBIAN_FRONTEND=noninteractive
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 "$@" </dev/null; }

echo "install_deps: installing ${needed[*]} ${optional[*]}"
apt update -qq || echo "install_deps: apt-get update failed; trying with the package lists at hand" >&2
if [ ${#needed[@]} -gt 0 ]; then
  apt install -y -qq --no-install-recommends "${needed[@]}" >/dev/null || give_up "apt-get could not install everything"
fi
for package in "${optional[@]}"; do
  apt install -y -qq --no-install-recommends "$package" >/dev/null || echo "install_deps: $package could not be installed; going on without it" >&2
done
