#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What `meson install` gives is whole: its pieces are there, the program finds its module, and the installed
# examples compile and run with nothing but that and pkg-config, and so do drivers of others, in C and C++.
#
#   install.sh BUILD_FOLDER COMPILER…
set -euo pipefail

build=$1
compiler=("${@:2}")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# option NAME: the value of an option of the build.
option() {
    meson introspect --buildoptions "$build" | jq -r --arg name "$1" '.[] | select(.name == $name).value'
}

meson install -C "$build" --no-rebuild --quiet --destdir "$root"
prefix=$root$(option prefix)
library=$prefix/$(option libdir)
export LD_LIBRARY_PATH=$library
unset WEIR_DRIVER_PATH

for header in channel driver weir worker version; do
    [ -s "$prefix/include/weir/$header.h" ] || fail "there is no weir/$header.h"
done
[ -e "$library/libweir.so" ] || fail "there is no libweir.so"
[ -x "$prefix/bin/weir" ] || fail "there is no program weir"
for schema in run limits doctor lesson; do
    [ -s "$prefix/$(option datadir)/weir/weir.$schema.schema.json" ] || fail "there is no schema of $schema"
done
if [ "$(option zmq)" != disabled ] &&
    pkg-config --exists libzmq; then
    [ -n "$(find "$library/weir" -name '*zmq*.so')" ] || fail "there is no zmq module in $library/weir"
    "$prefix/bin/weir" list zmq | grep -qi tcp || fail "the installed weir does not find its zmq module"
fi
if [ "$(option b_sanitize)" = none ]; then
    completion=$prefix/$(option datadir)/bash-completion/completions/weir
    [ -s "$completion" ] || fail "there is no completion for bash"
    bash -c 'source "$1" && complete -p weir' bash "$completion" >/dev/null || fail "bash cannot read its completion"
fi
stray=$(find "$root" -type f ! -path "$prefix/*")
[ -z "$stray" ] || fail "installed outside the prefix: $stray"

export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_PATH=$library/pkgconfig
[ "$(pkg-config --modversion weir)" = "$(meson introspect --projectinfo "$build" | jq -r .version)" ] ||
    fail "weir.pc has another version"

examples=$prefix/$(option datadir)/doc/weir/examples
[ -s "$examples/README.md" ] || fail "there is no README of the examples"
read -ra flags <<<"$(pkg-config --cflags --libs weir)"
for example in hello_thread hello_process; do
    "${compiler[@]}" -std=c11 -Wall -Wextra -Werror -o "$root/$example" "$examples/$example.c" "${flags[@]}"
    "$root/$example" | grep -qx 'the worker ended with 0, and main reads: .*' || fail "the installed $example does not work"
done

# Drivers of somebody else: in C, as the tutorial says; in C++; of another interface; and one that lacks an operation.
sources=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
skeleton=$sources/channels/drivers/skeleton.c

# module NAME COMMAND…: builds NAME.so.
module() {
    "${@:2}" -Wall -Wextra -Werror -fPIC -shared -o "$root/$1.so" "${flags[@]}"
}

# refused WORDS MODULE: the program says so.
refused() {
    local said status=0
    said=$("$prefix/bin/weir" list "$root/$2.so" 2>&1) || status=$?
    [[ $status = 2 && $said == *"$2.so: $1"* ]] || fail "a module should be refused with '$1', but weir said: $said"
}

# carries MODULE: it lists and carries messages between threads, all of them checked.
carries() {
    "$prefix/bin/weir" list "$root/$1.so" | grep -q "^$1:" || fail "weir does not list $1.so"
    "$prefix/bin/weir" run "$root/$1.so" -p thread:thread -m stream -s 64 --rounds 1 -q --json - |
        jq -e '.cells[0] | .status == "ok" and .integrity.sent > 0' >/dev/null || fail "$1.so carries no messages"
}

module letterbox "${compiler[@]}" -std=gnu17 "$examples/letterbox.c"
carries letterbox
sed 's/skeleton/mine/g' "$skeleton" >"$root/mine.c"
sed 's/WEIR_DRIVER_ABI,/WEIR_DRIVER_ABI - 1,/' "$root/mine.c" >"$root/old.c"
sed '/\.recv = /d' "$root/mine.c" >"$root/deaf.c"
module mine "${compiler[@]}" -std=gnu17 -D_GNU_SOURCE "$root/mine.c"
module old "${compiler[@]}" -std=gnu17 -D_GNU_SOURCE "$root/old.c"
module deaf "${compiler[@]}" -std=gnu17 -D_GNU_SOURCE -Wno-unused-function "$root/deaf.c"
carries mine
WEIR_DRIVER_PATH=$root "$prefix/bin/weir" list mine >/dev/null || fail "weir does not find mine.so in WEIR_DRIVER_PATH"
refused "made for driver interface" old
refused "mine lacks the mandatory recv" deaf
if command -v c++ >/dev/null; then
    module slot c++ -std=c++17 -Wpedantic -Wshadow -Wconversion "$sources/tests/modules/slot.cpp"
    carries slot
fi
