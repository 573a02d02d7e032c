#!/bin/sh
# SPDX-License-Identifier: MIT
#
# coverage.sh CONFORMANCE SPEC... -- CASE=PLACE,PLACE...
# Fails when the program knows a spec or a case that the list of tests lacks, or a case that runs elsewhere.
set -u
conformance=$1
shift
specs=' '
while [ "$1" != '--' ]; do
    specs="$specs$1 "
    shift
done
shift
cases=" $* "
status=0

for spec in $("$conformance" --specs); do
    case $spec in
    fault* | delay* | timed*) continue ;; # they are there for other tests
    esac
    case $specs in
    *" $spec "*) ;;
    *)
        echo "spec $spec has no tests: add it to tests/conformance/meson.build" >&2
        status=1
        ;;
    esac
done

known=$("$conformance" --cases | cut -f 1,2 | tr '\t' '=')
for line in $known; do
    case $cases in
    *" $line "*) ;;
    *)
        echo "case $line has no tests: add it to tests/conformance/meson.build" >&2
        status=1
        ;;
    esac
done
[ -n "$known" ] || status=1
exit $status
