#!/usr/bin/env bash
# install_deps_test.sh SCRATCH: what scripts/install_deps.sh asks of the package manager and what it says when that cannot help, with
# stand-ins for apt-get, dpkg-query, sudo and id.
set -euo pipefail
scratch=$1
script=$(cd "$(dirname "$0")/../.." && pwd)/scripts/install_deps.sh
rm -rf "$scratch"
mkdir -p "$scratch"/{bin,plain}
cd "$scratch"
# apt-get installs what is in the file `available`; the package `there` is installed already.
cat >bin/apt-get <<'END'
#!/bin/sh
echo "apt-get $*" >>log
case " $* " in *" update "*) exit 0 ;; esac
for package; do
  case $package in -* | install | Acquire*) continue ;; esac
  grep -qx "$package" available || exit 100
done
END
printf '#!/bin/sh\nfor last; do :; done\n[ "$last" = there ] && echo "install ok installed"\n' >bin/dpkg-query
printf '#!/bin/sh\necho "${USER_ID:-0}"\n' >bin/id
printf '#!/bin/sh\n[ "$1" = -n ] && shift\necho sudo >>log\nexec "$@"\n' >bin/sudo
chmod +x bin/*
for tool in bash env grep sed; do ln -s "$(command -v "$tool")" plain/; done

failed() { echo "install_deps_test: $*"; cat output log; exit 1; }
# run EXPECTED_STATUS ARGUMENTS...
run() {
  local expected=$1 status=0
  shift
  : >log
  PATH=${PATH_FOR_RUN:-$PWD/bin:$PATH} bash "$script" "$@" </dev/null >output 2>&1 || status=$?
  [ "$status" = "$expected" ] || failed "status $status, expected $expected, for: $*"
}
says() { grep -qF -- "$1" output || failed "does not say: $1"; }
asked() { grep -qF -- "$1" log || failed "did not ask: $1"; }

printf 'wanted\nextra\n' >available
run 0 there sh:sh
[ ! -s log ] || failed "what is there needs no package manager"

printf 'wanted\nextra\nother\n' >available
run 0 there wanted other:no-such-command-here --optional extra
asked 'install -y -qq --no-install-recommends wanted other'
asked 'install -y -qq --no-install-recommends extra'
! grep -q there log || failed "asked for what is there"

# A needed package that cannot be had ends it, by name; an optional one does not.
run 1 wanted nowhere
says 'Please install: wanted nowhere'
run 0 wanted --optional nowhere
says 'nowhere could not be installed; going on without it'

# Another user than root goes through sudo; without sudo or apt-get the packages are named.
USER_ID=1000 run 0 wanted
asked sudo
cp bin/id bin/apt-get bin/dpkg-query plain/
USER_ID=1000 PATH_FOR_RUN=$PWD/plain run 1 wanted
says 'not root, and there is no sudo'
says 'Please install: wanted'
rm plain/apt-get
PATH_FOR_RUN=$PWD/plain run 1 wanted
says 'this system has no apt-get'
PATH_FOR_RUN=$PWD/plain run 0 --optional wanted
echo "install_deps_test: passed"
