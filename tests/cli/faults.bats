#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Tests of the tests: whatever a channel does to messages, and whatever becomes of a worker, the run must find it, say
# it, and go on. The module `fault` wraps a real driver and spoils one message in so many.

load helpers

setup_file() {
    export WEIR_FAULTS=$WEIR_BUILD/tests/modules
}

# faulty OPTIONS ARGS…: runs a spoiled shm beside a sound pipe.
faulty() {
    local options=$1
    shift
    WEIR_DRIVER_PATH=$WEIR_FAULTS run --separate-stderr weir run "fault,of=shm,$options" pipe --json - \
        "${quick[@]}" "$@"
}

# expect_damage COUNTER: the spoiled cell failed with that counter, its times are not given, and the sound cell is ok.
expect_damage() {
    expect_status 1
    expect_json ".cells[] | select(.spec | startswith(\"fault\")) | .status == \"failed\" and .integrity.$1 > 0 and
        (.cost_ns == null or .cost_ns.median == null) and (.reason | length) > 0"
    expect_json '[.cells[] | select(.spec == "pipe") | .status] == ["ok"]'
}

# found_each_time KIND COUNTER: 20 of 20, each time another message. The shortest epoch has some 70 messages.
found_each_time() {
    local seed pairing
    for seed in {1..5}; do
        for pairing in thread:thread thread:process process:thread process:process; do
            faulty "kind=$1,every=50,seed=$seed" -p "$pairing"
            expect_damage "$2"
        done
    done
}

@test "without a fault the wrapped channel is sound" {
    faulty kind=none -p all
    expect_status 0
    expect_json "$all_ok"
}

@test "lost messages are found, 20 times of 20" {
    found_each_time drop lost
}

@test "repeated messages are found, 20 times of 20" {
    found_each_time repeat duplicated
}

@test "swapped messages are found, 20 times of 20" {
    found_each_time swap reordered
}

@test "a flipped bit is found, 20 times of 20" {
    found_each_time flip corrupted
}

@test "truncated messages are found, 20 times of 20" {
    found_each_time truncate corrupted
}

@test "damage is found with nanopb, with many workers, in a ping-pong, and in large messages" {
    faulty kind=flip,every=50 -p process:process -k nanopb
    expect_damage corrupted
    faulty kind=drop,every=20 -p process:process -w 2x2
    expect_damage lost
    faulty kind=flip,every=50 -p process:process -s 64K
    expect_damage corrupted
    WEIR_DRIVER_PATH=$WEIR_FAULTS run --separate-stderr weir run fault,of=shm,kind=flip,every=50 pipe -m pingpong \
        -p thread:thread --rounds 1 --json -
    expect_damage corrupted
}

@test "a worker that crashes fails its cell, with who and how; the run goes on" {
    local role
    for role in producer consumer; do
        faulty "kind=crash,every=50,role=$role" -p process:process
        expect_status 1
        expect_json ".cells[] | select(.spec | startswith(\"fault\")) | .status == \"failed\" and
            (.reason | test(\"$role.*signal 11\"))"
        expect_json '[.cells[] | select(.spec == "pipe") | .status] == ["ok"]'
    done
}

@test "a worker that exits fails its cell, with who and how; the run goes on" {
    local role
    for role in producer consumer; do
        faulty "kind=exit,every=50,role=$role" -p process:process
        expect_status 1
        expect_json ".cells[] | select(.spec | startswith(\"fault\")) | .status == \"failed\" and
            (.reason | test(\"$role.*exited with code 7\"))"
        expect_json '[.cells[] | select(.spec == "pipe") | .status] == ["ok"]'
    done
}

@test "a worker process that hangs fails its cell, with who; the run goes on" {
    local role
    for role in producer consumer; do
        faulty "kind=hang,every=50,role=$role" -p process:process
        expect_status 1
        expect_json ".cells[] | select(.spec | startswith(\"fault\")) | .status == \"failed\" and
            (.reason | test(\"$role\"))"
        expect_json '[.cells[] | select(.spec == "pipe") | .status] == ["ok"]'
    done
}

@test "a channel that gives the same message again and again fails its cell, and does not hang the program" {
    local pattern
    for pattern in stream paced pingpong; do
        WEIR_DRIVER_PATH=$WEIR_FAULTS run --separate-stderr weir run fault,of=shm,kind=stick pipe --json - \
            -m "$pattern" -p process:process --rounds 1 -q
        expect_status 1
        expect_json '.cells[] | select(.spec | startswith("fault")) | .status == "failed"'
        expect_json '[.cells[] | select(.spec == "pipe") | .status] == ["ok"]'
    done
}

@test "a worker thread that hangs fails its cell and does not hang the program" {
    faulty kind=hang,every=50 -p thread:thread
    expect_status 1
    expect_json '.cells[] | select(.spec | startswith("fault")) | .status == "failed" and (.reason | test("producer"))'
}

@test "a slow worker is slow, not dead" {
    faulty kind=slow,every=50,delay_ns=300000000 -p process:process
    expect_status 0
    expect_json "$all_ok"
}

# start_slow: a run whose first epoch lasts long enough to do something to its workers.
start_slow() {
    WEIR_DRIVER_PATH=$WEIR_FAULTS start run fault,kind=slow,every=10,delay_ns=200000000 pipe -m stream \
        -p process:process --rounds 1 --json out.json
    wait_for 5 has_workers 2
}

# expect_blamed PATTERN: the cell of the slow run failed, with a reason like that; the run went on.
expect_blamed() {
    finish
    expect_status 1
    expect_json ".cells[] | select(.channel == \"fault\") | .status == \"failed\" and (.reason | test(\"$1\"))" out.json
    expect_json '[.cells[] | select(.spec == "pipe") | .status] == ["ok"]' out.json
}

@test "a worker that is killed from outside fails its cell, with the signal; the run goes on" {
    start_slow
    kill -KILL "$(workers | head -1)"
    expect_blamed '(producer|consumer).*signal 9'
}

@test "a worker that is stopped from outside fails its cell; the run goes on" {
    start_slow
    kill -STOP "$(workers | head -1)"
    expect_blamed '(producer|consumer).*stopped by a signal'
}

@test "the process that runs a cell's workers is stopped from outside: its cell fails and says so; the run goes on" {
    start_slow
    kill -STOP "$(pgrep -P "$weir_pid" | head -1)"
    expect_blamed 'process that runs.*stopped by a signal'
}

@test "a driver that takes a known time is not said to take less, whichever side takes it" {
    local side
    for side in producer consumer; do
        WEIR_DRIVER_PATH=$WEIR_FAULTS run --separate-stderr weir run "timed,ns=5000,side=$side" --json - \
            "${quick[@]}" -p all
        expect_status 0
        # Who is put off the CPU spins no less by the clock, but with less CPU time: other tests run beside this one.
        expect_json "[.cells[] | .cost_ns.median >= 4900 and .cpu_ns.$side >= 1000] | length == 4 and all"
    done
}

@test "a driver that crashes, ends the program or hangs when it is tried is refused in one line; nothing is measured" {
    export WEIR_DRIVER_PATH=$WEIR_FAULTS
    expect_refused "'fault'" kind=crash "signal 11" -- run pipe fault,kind=crash,role=creator
    expect_refused "'fault'" kind=exit "code 7" -- run fault,kind=exit,role=creator pipe
    expect_refused "'fault'" kind=hang "no end" -- run pipe fault,kind=hang,role=creator --json -
    WEIR_FAULT_PROBE=crash expect_refused "'fault'" "signal 11" -- run pipe fault
    nothing_left
}

@test "a driver that does not survive being looked at is listed so, beside the others" {
    export WEIR_DRIVER_PATH=$WEIR_FAULTS WEIR_FAULT_PROBE
    for WEIR_FAULT_PROBE in crash exit; do
        run --separate-stderr weir list
        expect_status 0
        [[ $output == *"pipe  "*"fault "*"not available"*"does not survive"*skeleton* ]] || complain "expected all drivers"
        run --separate-stderr weir list fault
        expect_status 0
        [[ $output == *"not available"*"does not survive"* ]] || complain "expected the reason"
    done
}

@test "a module whose file is cut short is listed so" {
    mkdir modules
    head -c 1000 "$WEIR_FAULTS/fault.so" >modules/short.so
    WEIR_DRIVER_PATH=$box/modules run --separate-stderr weir list
    expect_status 0
    [[ $output == *"shm  "*"short "*"not available"* ]] || complain "expected all drivers"
}
