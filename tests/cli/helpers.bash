# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the command-line tests share. Each test has a folder of its own ($box) with a temporary folder for weir in it,
# and fails if a process, a shared-memory object or a temporary file is left at its end.
# WEIR is the program under test, WEIR_BUILD the build folder that it comes from.

bats_require_minimum_version 1.5.0

quick=(--rounds 1 --pattern stream --progress never) # as little measuring as there can be

setup() {
    box=$BATS_TEST_TMPDIR
    mkdir "$box/tmp"
    chmod 755 "$BATS_RUN_TMPDIR" "$box/.." "$box"
    chmod 1777 "$box/tmp"
    export WEIR_TMPDIR=$box/tmp TMPDIR=$box/tmp LC_ALL=C.UTF-8 TERM=xterm
    export WEIR_CLI_TEST=$box # marks every process that this test starts
    unset NO_COLOR WEIR_DRIVER_PATH XDG_RUNTIME_DIR
    shared_before=$(shared_memory)
    cd "$box" || return
}

teardown() {
    local result=0
    nothing_left || result=1
    # shellcheck disable=SC2046 # none or several
    kill -KILL $(marked) 2>/dev/null || true
    return "$result"
}

# ---- running -----------------------------------------------------------------------------------------------

# The program, which must not hang: 124 after limit_s seconds.
weir() {
    timeout --kill-after=1 "${limit_s:-30}" "$WEIR" "$@"
}

# weir_in COMMAND… -- ARGS…: runs weir under another command.
weir_in() {
    local command=()
    while [ "$1" != -- ]; do
        command+=("$1")
        shift
    done
    shift
    timeout --kill-after=1 "${limit_s:-30}" "${command[@]}" "$WEIR" "$@"
}

# start ARGS…: runs weir in the background ($weir_pid), with signals as at a terminal; output goes to out and err.
start() {
    env --default-signal=INT,QUIT "$WEIR" "$@" >out 2>err 3>&- &
    weir_pid=$!
    wait_for 5 test "/proc/$weir_pid/exe" -ef "$WEIR" # until then signals are as bash left them
}

# finish: waits for it, which must not hang; $status is its exit status.
finish() {
    wait_for "${limit_s:-30}" has_ended || kill -KILL "$weir_pid"
    status=0
    wait "$weir_pid" || status=$?
}

has_ended() { # or is a zombie
    ! grep -q '^State:[[:space:]]*[^Z]' "/proc/$weir_pid/status" 2>/dev/null
}

# wait_for SECONDS COMMAND…: until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1 + 1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.02
    done
}

# workers [PID]: the processes below weir that have none below them.
workers() {
    local child children
    children=$(pgrep -P "${1:-$weir_pid}") || children=
    for child in $children; do
        workers "$child"
    done
    [ -n "$children" ] || [ "${1:-$weir_pid}" = "$weir_pid" ] || echo "$1"
}

# Workers proper: before weir waits for signals by itself, a child is one that only tries a driver out.
has_workers() {
    local blocked
    blocked=$(sed -n 's/^SigBlk:[[:space:]]*//p' "/proc/$weir_pid/status")
    [ $((0x${blocked:-0} & 1 << 14)) != 0 ] && [ "$(workers | wc -l)" -ge "${1:-1}" ] # 15 is SIGTERM
}

# as_nobody COMMAND…: without privileges, also when the tests run as root.
as_nobody() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=54321 --regid=54321 --clear-groups "$@"
    else
        "$@"
    fi
}

need_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
    unshare --mount true 2>/dev/null || skip "needs mount namespaces"
}

# ---- expecting ---------------------------------------------------------------------------------------------

complain() {
    printf '%s\n' "$*" "status: ${status:-}" "stdout: $(summary "${output:-}")" "stderr: ${stderr:-}" >&2
    return 1
}

# summary TEXT: the cells, if it is JSON; else its beginning.
summary() {
    jq -c '.cells[] | [.id, .status, .reason, .integrity]' <<<"$1" 2>/dev/null || head -c 4000 <<<"$1"
}

expect_status() {
    [ "$status" = "$1" ] || complain "expected exit status $1"
}

# expect_says WORD…: stderr holds each of them.
expect_says() {
    local word
    for word; do
        [[ ${stderr:-} == *"$word"* ]] || complain "expected '$word' on stderr"
    done
}

expect_one_line() {
    # shellcheck disable=SC2154 # set by bats' run
    [ "${#stderr_lines[@]}" = 1 ] || complain "expected one line on stderr"
}

# expect_refused WORD… -- ARGS…: exit 2, nothing on stdout, one line on stderr that holds the words.
expect_refused() {
    local words=()
    while [ "$1" != -- ]; do
        words+=("$1")
        shift
    done
    shift
    run --separate-stderr weir "$@"
    expect_status 2
    [ -z "$output" ] || complain "expected nothing on stdout"
    expect_one_line
    expect_says "${words[@]}"
}

# expect_json FILTER [FILE]: jq's filter is true of the file, or of stdout.
expect_json() {
    if [ $# -gt 1 ]; then
        jq -e "$1" "$2" >/dev/null || complain "expected $1 of $2: $(summary "$(cat "$2")")"
    else
        jq -e "$1" <<<"$output" >/dev/null || complain "expected $1"
    fi
}

# Every cell was measured and every message arrived once, whole and in order.
all_ok='(.cells | length) > 0 and all(.cells[]; .status == "ok" and (.integrity |
    .sent > 0 and .received == .sent and .lost == 0 and .duplicated == 0 and .reordered == 0 and .corrupted == 0))'

# ---- leftovers ---------------------------------------------------------------------------------------------

shared_memory() {
    find /dev/shm -maxdepth 1 -name '*weir*' | sort
}

# The processes that carry this test's mark in their environment.
marked() {
    local files
    files=$(env -u WEIR_CLI_TEST grep -lzxF "WEIR_CLI_TEST=$WEIR_CLI_TEST" /proc/[0-9]*/environ 2>/dev/null) || true
    echo "${files//[!0-9[:space:]]/}"
}

show_marked() {
    local pids
    pids=$(marked)
    [ -z "$pids" ] || ps -fp "$pids"
}

no_processes() {
    [ -z "$(marked)" ]
}

no_shared_memory() {
    [ -z "$(comm -13 <(echo "$shared_before") <(shared_memory))" ]
}

no_files() {
    [ -z "$(ls -A "$box/tmp")" ]
}

nothing_left() { # errexit does not hold in teardown
    wait_for 2 no_processes || complain "processes are left: $(show_marked)" || return
    wait_for 2 no_shared_memory || complain "left in /dev/shm: $(shared_memory)" || return
    no_files || complain "left in the temporary folder: $(ls -A "$box/tmp")"
}
