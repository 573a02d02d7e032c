#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, included twice, and after libc headers whose macros could get in its way.
#
#   alone.sh LANGUAGE STANDARD COMPILER INCLUDE_FOLDER…    e.g. alone.sh c c11 gcc include build/include
#
# Exit 77 (skipped) where there is no such compiler.
set -euo pipefail

language=$1 standard=$2 compiler=$3
shift 3
command -v "$compiler" >/dev/null || { echo "there is no $compiler"; exit 77; }

# compile LINE…: compiles a source of these lines.
compile() {
    printf '%s\n' "$@" 'int main(void) { return 0; }' |
        "$compiler" -x "$language" -std="$standard" -pedantic-errors -Wall -Wextra -Wshadow -Wconversion -Werror \
            -fsyntax-only "${folders[@]/#/-I}" -
}

folders=("$@")
count=0
for header in "${folders[@]/%//weir/*.h}"; do
    for file in $header; do # the pattern becomes files here
        [ -e "$file" ] || continue
        line="#include <weir/${file##*/}>"
        compile "$line" "$line"
        compile '#include <errno.h>' '#include <signal.h>' '#include <stdio.h>' "$line"
        count=$((count + 1))
    done
done
echo "$count headers compile as $standard with $compiler"
[ "$count" -gt 0 ]
