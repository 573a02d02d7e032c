#!/bin/sh
# SPDX-License-Identifier: MIT
#
# peer.sh CONFORMANCE SPEC LEAST [CASE…]
# All cases of one peer but those named: none may fail, at least so many must pass; what is skipped is shown with the
# peer's reason. A peer is tested as a whole: it is there to be compared with, and where it fails all its cases together
# say more. A case is named where the peer's mechanism would hang in it (docs/drivers/peers.md says why).
set -u
conformance=$1
spec=$2
least=$3
shift 3

cases=$("$conformance" --cases | cut -d ' ' -f 1)
said=$(for name in $cases; do
    case " $* " in
    *" $name "*) echo "$name left out" ;;
    *) "$conformance" "$spec" "$name" 2>&1 ;;
    esac
done)
echo "$said" | grep -v ' passed '
passed=$(echo "$said" | grep -c ' passed ')
failed=$(echo "$said" | grep -c ' FAILED ')
echo "$spec: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -ge "$least" ]
