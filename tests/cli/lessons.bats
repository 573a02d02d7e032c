#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Each lesson is held, short, and the shape of what it finds is asserted: never how long anything takes.

load helpers

short=(--no-input --budget 1ms --progress never) # one round

# hold NAME ARGS…: its JSON becomes $output.
hold() {
    run --separate-stderr weir lesson "$1" "${short[@]}" --json - "${@:2}"
    expect_status 0
    expect_json '.schema == "weir.lesson/1" and .cannot == null and (.verdict | IN("holds", "refuted", "depends")) and
        (.figure | length > 0) and (.explanation | length > 300) and (.measured | length > 0)'
}

# shows FILTER NAME ARGS…: holds the lesson up to five times, or $tries. Where others take the CPUs away, one experiment
# may show anything; a wrong one never shows it.
shows() {
    local filter=$1 try
    shift
    for ((try = 0; try < ${tries:-5}; try++)); do
        hold "$@"
        ! jq -e "$filter" <<<"$output" >/dev/null || return 0
    done
    expect_json "$filter"
}

need_two_cpus() {
    [ "$(nproc)" -ge 2 ] || skip "needs two CPUs"
}

# ---- what each finds ---------------------------------------------------------------------------------------

@test "speed: threads and processes compute alike, and all work was measured" {
    shows '.measured.compute.ratio | . > 0.7 and . < 1.4' speed --budget 1s
    expect_json '.measured | keys | contains(["allocate", "compute", "map", "mutex", "pipe", "shm", "unix"])'
    expect_json 'all(.measured[]; .thread > 0 and .process > 0)'
}

@test "spawn: fork grows with the parent's memory, posix_spawn hardly" {
    [ "$(getconf PAGESIZE)" = 4096 ] || skip "larger pages: 256 MiB have too few of them"
    shows '.measured | .fork_256M.ns > 4 * .fork_1M.ns' spawn --size 256M
    shows '.measured | .fork_write_256M.ns > 1.5 * .fork_256M.ns' spawn --size 256M
    shows '.measured | .posix_spawn_256M.ns < 3 * .posix_spawn_1M.ns' spawn --size 256M
}

@test "memory: processes share what they read, and copy what they write" {
    hold memory
    expect_json '.measured | .processes_64_before.pss < 2097152 and .processes_64_after.private >= 4194304'
    expect_json '.measured | .processes_64_before.rss >= 4194304' # which misleads
    expect_json '.measured | .threads_64_after.pss < 1048576'
    hold memory --size 64K --workers 4 # what a process takes besides the block is not a copy of it
    expect_json '.verdict == "refuted" and .answer != "copy" and .changed == "--workers 4 --size 65536"'
    hold memory
    expect_json '.verdict == "refuted"'
}

@test "crash: a thread takes all along, a process only itself, and nothing that was sent is lost with it" {
    hold crash
    expect_json '[.measured | to_entries[] | select(.key | endswith("_thread"))] | length >= 4 and
        all(.[].value; .survived == 0 and (.remark | contains("signal 11")))'
    expect_json '[.measured | to_entries[] | select(.key | endswith("_process"))] | length >= 4 and
        all(.[].value; .survived == 1 and .sent == 21000 and (.remark | contains("restart")))'
    expect_json '.measured | [.mutex_process, .pipe_process, .unix_process, .shm_process] | all(.lost == 0)'
}

@test "race: plain increments lose updates, atomic ones none, and processes share nothing unasked" {
    need_two_cpus
    hold race
    expect_json '.measured | [.atomic, .mutex, .merge, .process_atomic] | all(.lost == 0)'
    expect_json '.measured.process_private.lost == 1'
    # They must meet, and may not where others take the CPUs.
    tries=30 shows '.measured.volatile.lost > 0' race
    tries=30 shows '.measured.process_plain.lost > 0' race
    tries=30 shows '.measured.plain.lost > 0 and .verdict == "refuted"' race
}

@test "race: alone nobody loses anything" {
    hold race --workers 1
    expect_json '.measured.plain.lost == 0 and .answer == "none" and .verdict == "depends"'
}

@test "lock: behind a dead holder only the robust lock is told" {
    hold lock
    expect_json '.measured | [.process_plain, .thread_plain] | all(.freed == 0)'
    expect_json '.measured | [.process_robust, .thread_robust, .process_ring, .thread_ring] | all(.freed == 1)'
    expect_json '.verdict == "refuted" and .answer == "waits"'
}

@test "cores: each number of workers did some work" {
    hold cores
    expect_json '.measured | length >= 3 and all(.[]; .thread > 0 and .process > 0 and .thread_blocking > 0)'
    local cpus
    cpus=$(nproc)
    [ "$cpus" -gt 8 ] || shows ".measured | .\"$((4 * cpus))\".thread_blocking > 1.2 * .\"$cpus\".thread_blocking and
        .\"$((4 * cpus))\".thread < 2 * .\"$cpus\".thread" cores --budget 2s
    hold cores --workers 2
    expect_json '.measured | has("2")'
}

@test "idle: a common queue keeps more CPUs busy than equal shares" {
    need_two_cpus
    shows '.measured | .counter_thread.ns < .shares_thread.ns and .channel_process.ns < .shares_process.ns' idle --workers 2
}

@test "channels: every one has a figure, and a call is below them" {
    hold channels
    expect_json 'all(.measured[]; .thread_process == null or .thread_process > 0)'
    expect_json '.measured | .call.thread > 0 and .call.process == null and .file.process > 0 and .pipe.calls > 1'
    expect_json '.measured | [.shm, .mutex, .pipe, .unix] | all(.thread > 0 and .process > 0)'
}

@test "switch: a turn takes longer the more is touched" {
    shows '.measured | ."262144".alone > ."0".alone' switch --size 256K
    shows '.measured."0" | .thread > 3 * .alone and .process > 3 * .alone' switch --size 16K
}

@test "wait: sleeping takes longer than spinning where each has a CPU" {
    need_two_cpus
    shows '.measured | .block_two.ns > .spin_two.ns' wait
}

@test "channels: where a pipe cannot carry the message nothing is concluded from it" {
    hold channels --size 4M
    expect_json '.verdict == "depends" and .answer == null and (.figure | test("nan|inf") | not)'
}

@test "copies: cost grows with size, in place as well" {
    shows '.measured | ."16384".shm > ."64".shm and ."16384".place > ."64".place' copies --size 64K
    shows '.measured | .slope.pipe > 0 and .slope.shm > 0 and .intercept.pipe > .intercept.shm' copies --size 64K
    hold copies --size 1 # a line takes two sizes
    expect_json '.measured | keys == ["1024", "64", "intercept", "slope"]'
}

@test "queue: room makes messages wait, by Little's law" {
    need_two_cpus
    shows '.measured | ."4096".latency_ns > 8 * ."16".latency_ns' queue
    # Several rounds: who loses the CPU when the counting begins or ends finds the queue longer or shorter than it is.
    shows '.measured | [."16", ."64", ."256"] | all((.inside - .product | fabs) <= 1 + 0.3 * .inside)' queue --budget 3s
}

@test "sharing: padded counters do not share" {
    need_two_cpus
    shows '.measured | .packed.ns > .padded.ns and .process_packed.ns > .process_padded.ns' sharing --budget 2s
}

@test "omission: only who asks by the clock sees the stall" {
    shows '.measured | .open.p99_ns > 10 * .closed.p99_ns and .closed.max_ns >= 100000000' omission
    expect_json '.verdict == "refuted"'
}

@test "twice: both ways of comparing have an error" {
    hold twice
    expect_json '.measured | .blocks.difference >= 0 and .turns.difference >= 0'
}

# ---- the frame ---------------------------------------------------------------------------------------------

@test "without a name the lessons are listed, and all of them are tested here" {
    run --separate-stderr weir lesson
    expect_status 0
    local name
    while read -r name; do
        grep -qE "(hold|shows .*) $name" "$BATS_TEST_FILENAME" || complain "the lesson $name is not tested"
    done < <(awk '$3 == "s" { print $1 }' <<<"$output")
    [ "$(grep -c ' s ' <<<"$output")" -ge 16 ] || complain "expected sixteen lessons"
}

@test "what is wrong is said in a line, with what is allowed" {
    expect_refused "unknown lesson 'rce'" race -- lesson rce
    expect_refused one -- lesson race lock
    expect_refused "--size" "lesson race" -- lesson race --size 4K
    expect_refused "--workers" -- lesson all --workers 3
    expect_refused "unknown answer 'maybe'" none few many -- lesson race --predict maybe
    expect_refused "--predict" -- lesson all --predict none
    expect_refused "'all'" -- lesson --json list.json
    expect_refused workers -- lesson race --workers 0
    expect_refused "CPU 99999" -- lesson race --pin 99999:0
}

@test "a guess is told beside what was right, and kept in the JSON" {
    run --separate-stderr weir lesson lock --predict waits "${short[@]}" --json lock.json
    expect_status 0
    [[ $output == *"Your guess was right: waits"* ]] || complain "expected praise"
    expect_json '.predicted == "waits" and .answer == "waits"' lock.json
    run --separate-stderr weir lesson lock --predict takes "${short[@]}"
    [[ $output == *"Your guess was takes; right was: waits"* ]] || complain "expected both"
}

@test "a lesson that cannot be held says what it needs, and exits with 77" {
    run --separate-stderr weir_in taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')" -- lesson sharing "${short[@]}" --json cannot.json
    expect_status 77
    expect_says "2 CPUs"
    expect_json '.verdict == null and .measured == null and (.cannot | contains("2 CPUs"))' cannot.json
}

@test "no file is written unasked; a history only where it is asked for" {
    run --separate-stderr weir lesson lock "${short[@]}"
    [ -z "$(find . -type f -newer "$BATS_TEST_FILENAME" ! -path './tmp/*' -name '*lesson*')" ] || complain "a file was written"
    WEIR_LESSONS=$box/history weir lesson lock --predict waits "${short[@]}" >/dev/null
    grep -qE '^lock 20[0-9TZ:-]+ refuted guess=waits$' history || complain "expected a line: $(cat history)"
    WEIR_LESSONS=$box/history weir lesson >list
    grep -qE '^lock +[0-9]+ s done ' list || complain "expected lock to be done"
    [ "$(grep -c ' done ' list)" = 1 ] || complain "expected nothing else to be done"
    mkfifo fifo
    WEIR_LESSONS=$box/fifo run --separate-stderr weir lesson lock "${short[@]}"
    expect_status 1
    expect_says "cannot write to '$box/fifo'"
}

@test "the hand-out has every lesson" {
    limit_s=120 run --separate-stderr weir lesson all "${short[@]}" --markdown handout.md --json all.json --csv -
    expect_status 0
    [ "$(grep -c '^## ' handout.md)" = "$(weir lesson | grep -c ' s ')" ] || complain "expected a section for each"
    expect_json '.schema == "weir.lessons/1" and (.lessons | length >= 16)' all.json
    [ "$(head -1 <<<"$output")" = lesson,verdict,row,column,median ] || complain "expected a head first of all"
    # What one lesson holds (spawn: 1 GiB) is not in the way of the next.
    expect_json '.lessons[] | select(.lesson == "memory") | .measured.processes_64_before.rss < 67108864' all.json
}

@test "an interrupt in the midst of a lesson leaves nothing" {
    start lesson cores --no-input --budget 20s --progress never
    wait_for 10 has_workers
    sleep 0.3
    kill -INT "$weir_pid"
    finish
    expect_status 130
}

@test "an interrupt in the midst of all of them keeps what was held until then" {
    start lesson all --no-input --budget 1ms --progress always --markdown some.md
    wait_for 60 grep -q "cores \[" err
    kill -INT "$weir_pid"
    finish
    expect_status 130
    grep -q '^## race: ' some.md || complain "expected the lessons before"
    ! grep -q '^## cores: ' some.md || complain "expected nothing of the one that was interrupted"
}

@test "a worker that is killed from outside ends the lesson with a word, and without figures" {
    start lesson omission --no-input --budget 20s --progress never --json figures.json
    wait_for 10 has_workers 2
    kill -KILL "$(workers | tail -1)"
    finish
    expect_status 1
    grep -q "^weir: the lesson omission went wrong: .*signal 9" err || complain "expected what happened: $(cat err)"
    expect_json '.measured == null and .verdict == null and (.cannot | contains("signal 9"))' figures.json
}

@test "one who is stopped from outside is not waited for" {
    local who
    for who in head tail; do # the process of the workers, and one of them
        start lesson omission --no-input --budget 20s --progress never
        wait_for 10 has_workers 2
        kill -STOP "$(workers | $who -1)"
        finish
        expect_status 1
        grep -q "^weir: the lesson omission went wrong: .*stopped by a signal" err || complain "expected what happened: $(cat err)"
    done
}

# ---- a terminal --------------------------------------------------------------------------------------------

# at_terminal COLUMNS COMMANDS ARGS…: weir in a terminal that wide, with commands of expect in the meantime. $output is
# what stood there, $status how weir ended.
at_terminal() {
    local columns=$1 commands=$2
    shift 2
    command -v expect >/dev/null || skip "needs expect"
    run expect -c "
        set timeout 20
        set stty_init \"cols $columns\"
        spawn -noecho $WEIR $*
        $commands
        expect eof
        catch wait result
        exit [lindex \$result 3]"
}

@test "on a terminal it asks, takes beginnings, asks again after nonsense, and Enter skips" {
    at_terminal 80 'expect "Enter skips"; send "perhaps\r"; expect "none of the answers"; send " Wai\r"' lesson lock --budget 1ms
    expect_status 0
    [[ $output == *"They are takes, error, waits."*"Your guess was right: waits"* ]] || complain "expected the answers"
    at_terminal 80 'expect "Enter skips"; send "\r"' lesson lock --budget 1ms
    expect_status 0
    [[ $output == *"Right was: waits"* ]] || complain "expected the answer"
}

@test "Ctrl-C at the question and in mid-lesson ends it, and leaves nothing" {
    at_terminal 80 'expect "Enter skips"; send "\003"' lesson lock
    expect_status 130
    at_terminal 80 'expect "Enter skips"; send "\r"; expect "cores \\\["; sleep 0.5; send "\003"' lesson cores --progress always
    expect_status 130
    [[ $output != *"verdict"* ]] || complain "expected no verdict"
}

@test "60 columns, no colour, no UTF-8: nothing is wider than the window" {
    local name
    for name in $(weir lesson | awk '$3 == "s" { print $1 }'); do
        LC_ALL=C NO_COLOR=1 at_terminal 60 '' lesson "$name" "${short[@]}"
        [ "$status" != 77 ] || continue # some need two CPUs
        expect_status 0
        [[ $output != *$'\033['* ]] || complain "expected no colour"
        ! LC_ALL=C grep -qP '[^\x00-\x7f]' <<<"$output" || complain "expected ASCII in $name"
        ! tr -d '\r' <<<"$output" | grep -v '^  weir ' | LC_ALL=C grep -E '^.{61,}' || complain "$name is wider than 60 columns"
        ! tr -d '\r' <<<"$output" | LC_ALL=C grep -E '^.{81,}' || complain "a command in $name is wider than 80 columns"
    done
}
