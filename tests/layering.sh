#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Who may include whom: checks every #include of the C files against the rules of the house (CONTRIBUTING.md), and
# that no driver names another. It reads only what stands in the text of a file, not what its headers include in turn.
#
#   layering.sh [ROOT]       checks the tree; one line for each violation, exit 1 if there is any
#   layering.sh --self-test  breaks each rule in a tree of its own and sees that each is found
set -euo pipefail

libc_headers=(
    aio alloca argp assert complex cpuid ctype dirent dlfcn elf endian err errno error fcntl features fenv
    float fnmatch ftw getopt glob grp ifaddrs inttypes langinfo libgen limits link locale malloc math mqueue
    netdb poll pthread pwd regex sched search semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool
    stddef stdint stdio stdio_ext stdlib stdnoreturn string strings syscall sysexits syslog termios threads
    time uchar ucontext unistd utime wchar wctype wordexp immintrin x86intrin
)
libc="^<(($(IFS='|'; echo "${libc_headers[*]}"))|(arpa|asm|linux|net|netinet|sys)/[a-z0-9_/]+)\.h>$"
# Of C++, for the peers that are written in it.
libcxx='^<(algorithm|atomic|cstddef|cstdint|cstdio|cstring|exception|memory|new|type_traits|utility)>$'

# first_word FILE: "shm" of channels/drivers/shm_ring.h; files that share it belong together.
first_word() {
    local name=${1##*/}
    name=${name%%.*}
    printf '%s' "${name%%_*}"
}

# place_of FILE INCLUDE: where the included file lives, or the include itself where that is no file of ours.
place_of() {
    local file=$1 include=$2 name folder
    name=${include:1:-1}
    if [[ $include == \<weir/* ]]; then
        printf 'include/weir/%s' "${name#weir/}"
        return
    fi
    if [[ $include == \"* ]]; then
        for folder in "${file%/*}" . channels workers proto bench include; do
            if [ -e "$folder/$name" ]; then
                realpath --relative-to=. "$folder/$name"
                return
            fi
        done
        [[ $name != *.pb.h ]] || { printf 'proto/%s' "${name##*/}"; return; } # generated, so not in the tree
    fi
    printf '%s' "$include"
}

# allowed FILE PLACE INCLUDE: may FILE include what lies at PLACE?
allowed() {
    local file=$1 place=$2 include=$3 own
    own=$(first_word "$file")
    [[ $file != examples/* || $include == \<* ]] || return # it is built where there is no tree
    [[ $place == include/weir/* && $file != proto/* ]] && return
    [[ $place =~ $libc ]] && return
    case $file in
    include/weir/*) false ;;
    channels/drivers/skeleton.c) false ;;
    channels/drivers/*) [[ $place =~ ^channels/[^/]+\.h$ || $place =~ ^channels/drivers/$own(_[^/]*)?\.h$ ]] ;;
    channels/plugins/peers/*)
        case $own in
        cyclone) own=dds ;;
        moodycamel) own=readerwriterqueue ;;
        esac
        [[ $place =~ ^channels/plugins/peers/$(first_word "$file")(_[^/]*)?\.h$ || $place =~ ^\<(lib)?$own || $place == \"$(first_word "$file")_*.h\" || $place =~ $libcxx ||
            $place =~ ^channels/plugins/peers/[a-z]+\.hpp$ ]] ;;
    channels/plugins/*) [[ $place =~ ^channels/plugins/$own(_[^/]*)?\.h$ || $place =~ ^\<(lib)?$own ]] ;;
    channels/*) [[ $place =~ ^channels/[^/]+\.h$ ]] ;;
    workers/*) [[ $place == workers/* ]] ;;
    proto/*) [[ $place == proto/* || $place =~ ^\<(nanopb/)?pb[a-z_]*\.h\>$ ]] ;;
    bench/*) [[ $place == bench/* || $place == proto/* || $place =~ ^\<(jansson|ini|libsmartcols/libsmartcols)\.h\>$ ]] ;;
    examples/*) false ;;
    esac
}

check_includes() {
    local file=$1 include place
    while read -r include; do
        place=$(place_of "$file" "$include")
        allowed "$file" "$place" "$include" || printf '%s includes %s\n' "$file" "$include"
    done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*([<"][^>"]+[>"]).*/\1/p' "$file")
}

# check_names FILE NAME…: a driver's file must not mention the table of another of the drivers.
check_names() {
    local file=$1 name
    shift
    for name; do
        [ "$name" = "$(first_word "$file")" ] || ! grep -qw "weir_driver_$name" "$file" ||
            printf '%s mentions weir_driver_%s\n' "$file" "$name"
    done
}

check_tree() {
    local file names=()
    cd "$1"
    for file in channels/drivers/*.c channels/plugins/*.c channels/plugins/peers/*.{c,cpp}; do
        [ ! -e "$file" ] || names+=("$(first_word "$file")")
    done
    while read -r file; do
        check_includes "$file"
        [[ $file != channels/drivers/* && $file != channels/plugins/* ]] || check_names "$file" "${names[@]}"
    done < <(find include channels workers proto bench examples -name '*.[ch]' -o -name '*.[ch]pp' | sort)
}

# ---- the test of the test ----------------------------------------------------------------------------------

good_tree() {
    mkdir -p include/weir channels/drivers channels/plugins/peers workers proto bench/lessons examples
    echo '#include <stdint.h>' >include/weir/channel.h
    printf '#include <%s>\n' weir/channel.h stdio.h >channels/core.h
    printf '#include "%s"\n' core.h >channels/channel.c
    printf '#include "%s"\n' core.h ../core.h channels/core.h pipe_frame.h >channels/drivers/pipe.c
    printf '#include <%s>\n' sys/uio.h >channels/drivers/pipe_frame.h
    printf '#include <%s>\n' pthread.h >channels/drivers/mutex.c
    printf '#include <%s>\n' weir/driver.h string.h >channels/drivers/skeleton.c
    printf '#include <%s>\n' weir/driver.h zmq.h >channels/plugins/zmq.c
    printf '#include <%s>\n' weir/driver.h qb/qbrb.h >channels/plugins/peers/qb.c
    printf '#include <%s>\n' weir/driver.h dds/dds.h >channels/plugins/peers/cyclone.c
    printf '#include <%s>\n' weir/driver.h atomic boost/lockfree/spsc_queue.hpp >channels/plugins/peers/boost.cpp
    echo '#include "slots.hpp"' >>channels/plugins/peers/boost.cpp
    echo '#include <cstring>' >channels/plugins/peers/slots.hpp
    printf '#include <%s>\n' weir/worker.h sched.h >workers/worker.h
    printf '#include <%s>\n' pb_encode.h stddef.h >proto/codec.h
    printf '#include "%s"\n' codec.h sample.pb.h proto/report.pb.h >proto/codec.c
    printf '#include <%s>\n' jansson.h argp.h weir/weir.h libsmartcols/libsmartcols.h >bench/run.h
    printf '#include "%s"\n' run.h proto/codec.h >bench/run.c
    printf '#include <%s>\n' weir/weir.h weir/driver.h stdio.h sys/epoll.h >examples/hello.c
}

# FILE|LINE: each line breaks one rule.
violations() {
    cat <<'LIST'
include/weir/channel.h|#include "channels/core.h"
include/weir/channel.h|#include <zmq.h>
channels/channel.c|#include "drivers/pipe_frame.h"
channels/channel.c|#include <zmq.h>
channels/channel.c|#include "workers/worker.h"
channels/drivers/mutex.c|#include "pipe_frame.h"
channels/drivers/mutex.c|#include "../../workers/worker.h"
channels/drivers/mutex.c|#include "proto/codec.h"
channels/drivers/mutex.c|#include "bench/run.h"
channels/drivers/mutex.c|#include <zmq.h>
channels/drivers/mutex.c|extern const struct weir_driver weir_driver_pipe;
channels/drivers/skeleton.c|#include "core.h"
channels/plugins/zmq.c|#include "channels/core.h"
channels/plugins/zmq.c|#include <jansson.h>
channels/plugins/zmq.c|extern const struct weir_driver weir_driver_mutex;
channels/plugins/peers/qb.c|#include <ck_ring.h>
channels/plugins/peers/qb.c|#include "channels/core.h"
channels/plugins/peers/cyclone.c|extern const struct weir_driver weir_driver_qb;
channels/plugins/peers/boost.cpp|#include <readerwriterqueue.h>
channels/plugins/peers/slots.hpp|#include <boost/version.hpp>
workers/worker.h|#include "channels/core.h"
workers/worker.h|#include "proto/codec.h"
proto/codec.h|#include <weir/channel.h>
proto/codec.h|#include "bench/run.h"
proto/codec.h|#include <jansson.h>
bench/run.c|#include "channels/core.h"
bench/run.c|#include "workers/worker.h"
bench/run.c|  #  include <pb_encode.h>
examples/hello.c|#include "bench/run.h"
examples/hello.c|#include "../include/weir/channel.h"
examples/hello.c|#include <jansson.h>
examples/hello.c|#include <zmq.h>
LIST
}

self_test() {
    local tree file line found missed=0 count=0
    tree=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$tree'" EXIT
    (cd "$tree" && good_tree)
    found=$(check_tree "$tree")
    [ -z "$found" ] || { printf 'a tree that keeps the rules is blamed:\n%s\n' "$found"; return 1; }

    while IFS='|' read -r file line; do
        count=$((count + 1))
        cp "$tree/$file" "$tree/kept"
        echo "$line" >>"$tree/$file"
        found=$(check_tree "$tree")
        mv "$tree/kept" "$tree/$file"
        [[ $found == "$file "* && $found != *$'\n'* ]] || { printf 'not found once: %s: %s\n' "$file" "$line"; missed=1; }
    done < <(violations)
    [ "$missed" = 1 ] || printf '%d violations, each found\n' "$count"
    return "$missed"
}

if [ "${1:-}" = --self-test ]; then
    self_test
else
    found=$(check_tree "${1:-$(dirname "${BASH_SOURCE[0]}")/..}")
    [ -z "$found" ] || { printf '%s\n' "$found"; exit 1; }
fi
