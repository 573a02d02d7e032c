#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs an example and holds what it prints, line by line, against what it should print: each line of the file is an
# extended regular expression for a whole line. It must end with status 0 and say nothing on stderr.
#
#   says.sh FILE PROGRAM ARGS…
set -euo pipefail

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
status=0
output=$("${@:2}" 2>"$errors") || status=$?
mapfile -t expected <"$1"
mapfile -t said <<<"$output"

right=1
[ "$status" = 0 ] && [ ! -s "$errors" ] && [ ${#said[@]} = ${#expected[@]} ] || right=0
for ((i = 0; right && i < ${#expected[@]}; i++)); do
    [[ ${said[i]} =~ ^(${expected[i]})$ ]] || right=0
done
if [ "$right" = 0 ]; then
    printf 'status %d\n---- said\n%s\n---- on stderr\n' "$status" "$output"
    cat "$errors"
    printf -- '---- expected\n'
    cat "$1"
    exit 1
fi
