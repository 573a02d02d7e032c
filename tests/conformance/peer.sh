#!/bin/sh
# SPDX-License-Identifier: MIT
#
# peer.sh CONFORMANCE SPEC
# All cases of one peer: none may fail, most must pass; what is skipped is shown with the peer's reason. A peer is
# tested as a whole: it is there to be compared with, and where it fails all its cases together say more.
set -u
conformance=$1
spec=$2

said=$("$conformance" "$spec" 2>&1)
echo "$said" | grep -v ' passed '
passed=$(echo "$said" | grep -c ' passed ')
failed=$(echo "$said" | grep -c ' FAILED ')
echo "$spec: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 50 ]
