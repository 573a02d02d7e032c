#!/bin/sh
# SPDX-License-Identifier: MIT
#
# finds_faults.sh CONFORMANCE
# A test of the tests: each fault must make a case fail (exit status 1, neither passed nor skipped), and the same
# channel without a fault must pass it.
set -u
conformance=$1
status=0

expect() { # STATUS SPEC CASE PLACE
    said=$("$conformance" "$2" "$3" "$4" 2>&1)
    got=$?
    if [ "$got" -ne "$1" ]; then
        echo "conformance $2 $3 $4: expected exit status $1, got $got: $said" >&2
        status=1
    fi
}

for of in mutex unix:type=stream shm; do
    for place in thread:thread process:process; do
        expect 0 "fault,of=$of" order "$place"
        for kind in drop repeat swap flip truncate; do
            expect 1 "fault,of=$of,kind=$kind,every=7" order "$place"
        done
    done
done
for kind in crash exit; do
    expect 1 "fault,of=unix,kind=$kind" order process:process
done
exit $status
