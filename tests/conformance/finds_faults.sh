#!/bin/sh
# SPDX-License-Identifier: MIT
#
# finds_faults.sh CONFORMANCE
# A test of the tests: each fault must make a case fail (exit status 1, neither passed nor skipped), and the same
# channel without a fault, or only slower, must pass it.
set -u
conformance=$1
status=0
places=$("$conformance" --cases | awk '$1 == "order" { print $2 }' | tr ',' ' ')
[ -n "$places" ] || status=1

expect() { # STATUS SPEC CASE PLACE
    said=$("$conformance" "$2" "$3" "$4" 2>&1)
    got=$?
    if [ "$got" -ne "$1" ]; then
        echo "conformance $2 $3 $4: expected exit status $1, got $got: $said" >&2
        status=1
    fi
}

for of in mutex unix:type=stream shm; do
    for place in $places; do
        expect 0 "fault,of=$of" order "$place"
        expect 0 "delay,of=$of,send_ps=1000,recv_ps=1000" order "$place"
        for kind in drop repeat swap flip truncate; do
            expect 1 "fault,of=$of,kind=$kind,every=7" order "$place"
        done
    done
done
for place in $places; do
    for kind in crash exit; do
        expect 1 "fault,of=unix,kind=$kind" order "$place"
    done
done
exit $status
