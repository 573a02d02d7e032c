#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Machines that give little: a clear error or a correct run, never a hang, a SIGBUS or half a result.

load helpers

some=(run mutex pipe unix shm zmq -p all --json - "${quick[@]}")

# expect_clear: all is well (0), or cells failed (1) or the run was refused (2) with the reason in words.
expect_clear() {
    case $status in
    0) expect_json "$all_ok" ;;
    1) expect_json 'all(.cells[]; .status == "ok" or ((.reason // "") | length) > 0)' ;;
    2) expect_one_line ;;
    *) complain "expected a correct run or a clear error" ;;
    esac
}

@test "a full /dev/shm fails the cells that need it, in words" {
    need_root
    cat >full <<'SH'
mount -t tmpfs -o size=64k tmpfs /dev/shm
exec "$@"
SH
    run --separate-stderr weir_in unshare --mount bash full -- run pipe shm,backing=posix --depth 4096 \
        -p process:process --json - "${quick[@]}"
    expect_status 1
    expect_json '.cells[] | select(.spec | startswith("shm")) | .status == "failed" and (.reason | test("/dev/shm"))'
    expect_json '.cells[] | select(.spec == "pipe") | .status == "ok"'
}

@test "no /dev/shm at all" {
    need_root
    cat >without <<'SH'
mount -t tmpfs -o mode=000,ro tmpfs /dev/shm
exec setpriv --reuid=54321 --regid=54321 --clear-groups "$@"
SH
    run --separate-stderr weir_in unshare --mount bash without -- run pipe shm,backing=posix -p process:process \
        --json - "${quick[@]}"
    expect_clear
    expect_json '.cells[] | select(.spec == "pipe") | .status == "ok"'
}

@test "few descriptors: ulimit -n 20" {
    run --separate-stderr weir_in prlimit --nofile=20 -- "${some[@]}"
    expect_clear
    expect_json '.cells[] | select(.spec == "mutex" and .pairing == "thread:thread") | .status == "ok"'
}

@test "hardly any descriptors: ulimit -n 8" {
    run --separate-stderr weir_in prlimit --nofile=8 -- "${some[@]}"
    expect_clear
}

@test "no processes left: ulimit -u" {
    need_root # it does not hold for root, but root can become somebody else
    run --separate-stderr weir_in prlimit --nproc=2 setpriv --reuid=54321 --regid=54321 --clear-groups -- "${some[@]}"
    expect_clear
    [ "$status" != 0 ]
}

@test "little memory: ulimit -v" {
    run --separate-stderr weir_in prlimit --as=100000000 -- run mutex pipe shm -s 16M -p process:process --json - \
        "${quick[@]}"
    expect_clear
}

@test "no loopback interface: what needs it is skipped, and the remedy is told" {
    unshare --net true 2>/dev/null || skip "needs the right to a network of its own"
    local spec
    for spec in tcp zmq,transport=tcp; do
        run --separate-stderr weir_in unshare --net -- run "$spec" -p thread:thread "${quick[@]}"
        expect_status 1
        [[ $(tr '\n' ' ' <<<"$output") == *skipped*"ip link set lo up"* ]] || complain "expected the remedy for $spec"
    done
}

@test "files of no size: ulimit -f" {
    run --separate-stderr bash -c 'ulimit -f 1; timeout 30 "$0" "$@"' "$WEIR" run file shm -p process:process "${quick[@]}"
    expect_status 1
    [ "$(grep -o 'ulimit -f' <<<"$output" | wc -l)" = 2 ] || complain "expected the remedy"
}

@test "one CPU" {
    run --separate-stderr weir_in taskset -c "$(taskset -cp $$ | grep -o '[0-9]*$')" -- "${some[@]}"
    expect_status 0
    expect_json "$all_ok"
}

@test "one CPU, every way to wait" {
    local wait
    for wait in block spin adaptive; do
        run --separate-stderr weir_in taskset -c "$(taskset -cp $$ | grep -o '[0-9]*$')" -- \
            run shm mutex -p all --wait "$wait" --json - "${quick[@]}"
        expect_status 0
        expect_json "$all_ok"
    done
}

@test "an unprivileged user without a home" {
    run --separate-stderr as_nobody env -i PATH=/usr/bin:/bin WEIR_CLI_TEST="$WEIR_CLI_TEST" TMPDIR="$box/tmp" \
        HOME=/nonexistent timeout 30 "$WEIR" "${some[@]}"
    expect_status 0
    expect_json "$all_ok"
}

@test "an empty environment" {
    run --separate-stderr env -i WEIR_CLI_TEST="$WEIR_CLI_TEST" WEIR_TMPDIR="$box/tmp" "$(command -v timeout)" 30 \
        "$WEIR" "${some[@]}"
    expect_status 0
    expect_json "$all_ok"
}

@test "a temporary folder that may not be written, or whose name is too long for a socket" {
    mkdir closed
    chmod 555 closed
    WEIR_TMPDIR=$box/closed TMPDIR=$box/closed run --separate-stderr as_nobody timeout 30 "$WEIR" run zmq pipe \
        -p process:process --json - "${quick[@]}"
    expect_clear
    local long
    long=$box/$(printf 'x%.0s' {1..120})
    mkdir "$long"
    WEIR_TMPDIR=$long run --separate-stderr weir run zmq pipe -p process:process --json - "${quick[@]}"
    expect_clear
    expect_json '.cells[] | select(.spec == "pipe") | .status == "ok"'
    rmdir "$long"
}

@test "a folder of the user's that cannot be written, for the program's own" {
    need_root
    run --separate-stderr as_nobody env -C / timeout 30 "$WEIR" run pipe -p all --json - "${quick[@]}"
    expect_status 0
    expect_json "$all_ok"
}
