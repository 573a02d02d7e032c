#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Ctrl-C, SIGTERM, a terminal that closes, kill -9: the run ends soon, keeps what it measured where it can, and leaves
# nothing (every test here ends with the check for leftovers).

load helpers

limit_s=8

long=(run mutex pipe unix shm zmq -p all --rounds 1000 --progress never)

# interrupted SIGNAL STATUS: a long run, interrupted after a while.
interrupted() {
    start "${long[@]}" --json out.json
    wait_for 5 has_workers
    sleep 1.5
    kill "-$1" "$weir_pid"
    finish
    expect_status "$2"
}

@test "Ctrl-C keeps and labels what was measured" {
    interrupted INT 130
    expect_json '[.cells[] | select(.status == "ok")] | length > 0' out.json
    expect_json '.interrupted == true' out.json
    grep -q interrupted out err
    grep -q pipe out
}

@test "SIGTERM keeps and labels what was measured" {
    interrupted TERM 143
    expect_json '.interrupted == true' out.json
}

@test "SIGHUP keeps and labels what was measured" {
    interrupted HUP 129
    expect_json '.interrupted == true' out.json
}

@test "Ctrl-C at any moment leaves nothing" {
    local delay
    for delay in 0.001 0.003 0.01 0.02 0.03 0.05 0.08 0.13 0.21 0.34; do
        start "${long[@]}"
        sleep "$delay"
        kill -INT "$weir_pid"
        finish
        [ "$status" = 130 ] || expect_status 0
        nothing_left
    done
}

@test "impatient Ctrl-C, three times over, leaves nothing" {
    start "${long[@]}"
    wait_for 5 has_workers
    kill -INT "$weir_pid"
    kill -INT "$weir_pid" || true
    kill -INT "$weir_pid" || true
    finish
    expect_status 130
}

@test "Ctrl-C while workers are being waited for" {
    export WEIR_DRIVER_PATH=$WEIR_BUILD/tests/modules
    start run fault,kind=hang,every=10 -p process:process --rounds 1
    wait_for 5 has_workers 2
    sleep 0.3
    kill -INT "$weir_pid"
    finish
    expect_status 130
}

@test "signals that were ignored from the start stay ignored, as under nohup" {
    env --ignore-signal=INT,HUP "$WEIR" run pipe -p thread:thread --budget 1s >out 2>err 3>&- &
    weir_pid=$!
    sleep 0.3
    kill -INT "$weir_pid"
    kill -HUP "$weir_pid"
    finish
    expect_status 0
}

@test "Ctrl-C at a terminal" {
    run expect -c '
        set timeout 10
        spawn -noecho sh -c "stty -echoctl; exec $env(WEIR) run pipe shm -p all --rounds 1000"
        sleep 1.5
        send "\003"
        expect eof
        exit [lindex [wait] 3]'
    expect_status 130
    [[ $output == *interrupted* ]] || complain "expected a label"
}

@test "a terminal that closes" {
    run expect -c '
        set timeout 10
        spawn -noecho $env(WEIR) run pipe shm zmq -p all --rounds 1000
        sleep 1
        close
        wait'
    expect_status 0
    wait_for 3 no_processes
}

@test "Ctrl-Z and back: a run that slept in the middle still counts right" {
    start run pipe shm -p all --rounds 3 --json out.json --progress never
    sleep 0.5
    kill -STOP "$weir_pid"
    sleep 0.5
    kill -CONT "$weir_pid"
    finish
    expect_status 0
    expect_json "$all_ok" out.json
}

@test "kill -9 of the program: the workers go within a second or so, the next start sweeps" {
    local channel
    for channel in mutex pipe unix shm zmq; do
        start run "$channel" -p process:process --rounds 1000 --progress never
        wait_for 5 has_workers 2
        sleep 0.2
        kill -KILL "$weir_pid"
        finish
        expect_status 137
        wait_for 2 no_processes || complain "$channel: processes are left: $(show_marked)"
    done
    run weir run shm zmq -p process:process "${quick[@]}"
    nothing_left
}

@test "kill -9 of the program while its workers are stopped" {
    export WEIR_DRIVER_PATH=$WEIR_BUILD/tests/modules
    start run fault,of=shm,kind=slow,every=10,delay_ns=200000000 -p process:process --rounds 1 --progress never
    wait_for 5 has_workers 2
    # shellcheck disable=SC2046 # several
    kill -STOP $(workers)
    kill -KILL "$weir_pid"
    finish
    wait_for 2 no_processes
}

@test "two runs at once do not sweep each other away" {
    start run zmq shm -p process:process --rounds 3 --json out.json --progress never
    local first=$weir_pid
    for _ in 1 2 3; do
        run --separate-stderr weir run zmq shm -p process:process --json - "${quick[@]}"
        expect_status 0
        expect_json "$all_ok"
    done
    weir_pid=$first
    finish
    expect_status 0
    expect_json "$all_ok" out.json
}
