#!/usr/bin/env bash
# fetch_cifar100.sh DIR: downloads CIFAR-100 (binary version) from its author's page into DIR/cifar-100-binary. Says the
# size first, resumes a broken download, verifies the checksum, and does nothing when the files are already there.
# Exits with 3 for a wrong checksum, with 1 for anything else.
# GLIA_CIFAR100_URL and GLIA_CIFAR100_MD5 name another copy (the test uses a server on the loopback interface).
set -euo pipefail

directory=${1:?usage: fetch_cifar100.sh DIR}
url=${GLIA_CIFAR100_URL:-https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz}
md5=${GLIA_CIFAR100_MD5:-03b5dce01913d631647c71ecec9e9cb8}
attempts=${GLIA_FETCH_ATTEMPTS:-5}
pause=${GLIA_FETCH_PAUSE:-3}
archive=$directory/cifar-100-binary.tar.gz
part=$archive.part
unpacked=$directory/cifar-100-binary

say() { echo "fetch_cifar100: $*"; }
fail() { say "$*" >&2; exit "${code:-1}"; }
checksum() { md5sum "$1" | cut -d ' ' -f 1; }

if [ -s "$unpacked/train.bin" ] && [ -s "$unpacked/test.bin" ]; then
  say "$unpacked is already there; nothing to download"
  exit 0
fi
mkdir -p "$directory"

# One attempt, going on from where the partial file ends. Returns 0 when the server has no more bytes to give.
transfer() {
  local status=0 http
  if command -v curl >/dev/null 2>&1; then
    http=$(curl --fail --location --silent --show-error --connect-timeout 20 --speed-limit 1000 --speed-time 60 \
      --continue-at - --output "$part" --write-out '%{http_code}' "$url") || status=$?
    # 416: the partial file is already as long as the original; the checksum decides.
    [ "$http" != 416 ] || return 0
    # 33: the server cannot resume, so the partial file is of no use.
    if [ "$status" = 33 ]; then rm -f "$part"; fi
    return "$status"
  elif command -v wget >/dev/null 2>&1; then
    wget --quiet --continue --tries=1 --timeout=60 --output-document="$part" "$url"
  else
    fail "needs curl or wget (Debian/Ubuntu: apt-get install curl)"
  fi
}

if [ ! -e "$archive" ]; then
  have=0
  [ ! -e "$part" ] || have=$(wc -c <"$part")
  say "downloading 161 MiB (168,513,733 bytes) from $url"
  [ "$have" = 0 ] || say "resuming after the $have bytes that are already here"
  for ((attempt = 1; ; ++attempt)); do
    # A complete partial file (the connection broke after the last byte) needs no further request.
    if [ -e "$part" ] && [ "$(checksum "$part")" = "$md5" ]; then break; fi
    status=0
    transfer || status=$?
    [ "$status" != 0 ] || break
    [ "$attempt" -lt "$attempts" ] ||
      fail "the download broke off (status $status) after $(wc -c <"$part" 2>/dev/null || echo 0) bytes; run this again to resume it"
    say "the connection broke off (status $status); resuming, attempt $((attempt + 1)) of $attempts"
    sleep "$pause"
  done
  got=$(checksum "$part")
  if [ "$got" != "$md5" ]; then
    rm -f "$part"
    code=3 fail "wrong checksum: md5 $got, expected $md5. The file was removed; nothing was unpacked."
  fi
  mv "$part" "$archive"
elif [ "$(checksum "$archive")" != "$md5" ]; then
  code=3 fail "wrong checksum: $archive is not the expected file (md5 $md5). Remove it and run this again."
fi
say "checksum is right (md5 $md5)"

# Unpacked beside, then renamed: a half-unpacked folder is never taken for the data set.
rm -rf "$unpacked.tmp"
mkdir -p "$unpacked.tmp"
tar -xzf "$archive" -C "$unpacked.tmp" --strip-components=1
for file in train.bin test.bin; do
  [ -s "$unpacked.tmp/$file" ] || fail "the archive has no $file"
done
rm -rf "$unpacked"
mv "$unpacked.tmp" "$unpacked"
rm -f "$archive"
say "ready: $unpacked"
