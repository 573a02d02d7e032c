#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage.sh CONFORMANCE
# Words that mean nothing are told in one line that says what was probably meant and where to look: exit status 2.
set -u
conformance=$1
status=0

refuses() { # PATTERN ARGUMENT...
    pattern=$1
    shift
    said=$("$conformance" "$@" 2>&1)
    got=$?
    # shellcheck disable=SC2254 # a pattern it is
    case $said in
    *"
"*) matches=false ;;
    $pattern) matches=true ;;
    *) matches=false ;;
    esac
    if [ "$got" -ne 2 ] || ! $matches; then
        echo "conformance $*: expected exit status 2 and one line like '$pattern', got $got: $said" >&2
        status=1
    fi
}

refuses "*nosuch*--specs*" nosuch
refuses "*mutx*mean 'mutex'*--specs*" mutx
refuses "*mutx*mean 'mutex'*--specs*" mutx order
refuses "*order*is a case*SPEC*" order
refuses "*slot*mean 'slots'*--specs*" mutex,slot=1
refuses "*nine*slots*--specs*" mutex,slots=nine
refuses "*/nowhere/driver.so*--specs*" /nowhere/driver.so
refuses "*ordr*mean 'order'*--cases*" mutex ordr
refuses "*nothing-like-it*--cases*" mutex nothing-like-it
refuses "*thread*mean 'threads'*--help*" mutex order thread
refuses "*mutx*mean 'mutex'*--specs*" --deaths 1 mutx
refuses "*many*" --deaths many mutex
refuses "*--help*" --nosuch
refuses "*--help*" mutex order threads more
exit $status
