#!/bin/sh
# SPDX-License-Identifier: MIT
#
# peer.sh CONFORMANCE SPEC LEAST [CASE=REASON…]
# All cases of one peer but those named: none may fail, at least so many must pass; what is skipped is shown with the
# peer's reason. A peer is tested as a whole: it is there to be compared with, and where it fails all its cases together
# say more. A case is named where the peer's library cannot keep the promise, or would hang (docs/drivers/peers.md). What
# fails is tried again twice: libraries of others fail by themselves now and then (libnng crashed once in 200 runs).
set -u
conformance=$1
spec=$2
least=$3
shift 3

reason_of() { # CASE CASE=REASON…
    wanted=$1
    shift
    for known; do
        [ "${known%%=*}" != "$wanted" ] || printf '%s' "${known#*=}"
    done
}

try() { # CASE
    for last in 0 0 1; do
        result=$("$conformance" "$spec" "$1" 2>&1)
        case $result in
        *' FAILED '*) [ "$last" = 1 ] || echo "$result" | sed -n 's/ FAILED / failed once /p' ;;
        *) break ;;
        esac
    done
    echo "$result"
}

said=$("$conformance" --cases | cut -f 1 | while read -r name; do
    reason=$(reason_of "$name" "$@")
    if [ -n "$reason" ]; then
        echo "$name left out: $reason"
    else
        try "$name"
    fi
done)
echo "$said" | grep -v ' passed '
passed=$(echo "$said" | grep -c ' passed ')
failed=$(echo "$said" | grep -c ' FAILED ')
echo "$spec: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -ge "$least" ]
