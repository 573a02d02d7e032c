#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs the command-line tests of a build: run.sh BUILD_FOLDER NAME…, each NAME one of the .bats files here.
# With root's rights they get a /dev/shm of their own, so that nobody else's objects count as left behind.
set -euo pipefail

WEIR_BUILD=$(cd "$1" && pwd)
export WEIR_BUILD WEIR=$WEIR_BUILD/bench/weir
shift
cd "$(dirname "${BASH_SOURCE[0]}")"
command=(bats "${@/%/.bats}")
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
    exec unshare --mount sh -c 'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$@"' sh "${command[@]}"
fi
exec "${command[@]}"
