#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What the program prints when all is well: help, lists, tables and JSON, each on its stream.

load helpers

@test "help of the program and of each subcommand goes to stdout" {
    local command
    for command in "" run list compare doctor; do
        # shellcheck disable=SC2086 # none is no argument
        run --separate-stderr weir $command --help
        expect_status 0
        [[ $output == *[Uu]sage:* && -z $stderr ]] || complain "expected a usage text on stdout only"
    done
}

@test "the version is that of the library" {
    run --separate-stderr weir --version
    expect_status 0
    [[ $output =~ ^weir\ [0-9]+\.[0-9]+\.[0-9]+ ]] || complain "expected a version"
}

@test "list shows every driver, and one with its options" {
    run --separate-stderr weir list
    expect_status 0
    local driver
    for driver in mutex pipe unix fifo tcp shm zmq null; do
        [[ $output == *"$driver"* ]] || complain "$driver is not listed"
    done
    run --separate-stderr weir list unix
    expect_status 0
    [[ $output == *type*seqpacket* ]] || complain "the options of unix are not listed"
}

@test "the tour: five channels, four pairings, two patterns, all messages accounted for" {
    run --separate-stderr weir --json - -q --rounds 3
    expect_status 0
    expect_json '.schema == "weir.run/1" and (.cells | length) == 40'
    expect_json "$all_ok"
    expect_json '[.cells[] | "\(.channel) \(.pairing) \(.pattern)"] | unique | length == 40'
    expect_json 'all(.cells[]; .size == 64 and .cost_ns.median > 0 and (.cost_ns.rounds | length) >= 3 and
        (.cost_ns | .lo == null or .hi == null or (.lo <= .median and .median <= .hi)))'
}

@test "axes multiply" {
    run --separate-stderr weir run pipe shm -s 1,8..128*4 -p thread:thread -w 1x1,2x2 --batch 1,8 --json - "${quick[@]}"
    expect_status 0
    expect_json "$all_ok"
    expect_json '[.cells[].size] | unique == [1, 8, 32, 128]'
    expect_json '(.cells | length) == 32 and ([.cells[].id] | unique | length) == 32'
}

@test "messages are made and checked in place with every driver, pattern and codec" {
    run --separate-stderr weir run mutex pipe unix shm zmq null -p thread:thread -m stream,pingpong -k raw,nanopb \
        --access copy,place --json - --rounds 1 --progress never
    expect_status 0
    expect_json "$all_ok"
    expect_json '(.cells | length) == 48 and ([.cells[].id] | unique | length) == 48'
    expect_json 'all(.cells[]; (.access == "place") == (.id | endswith("/access=place")) and .access != "copy")'
    run --separate-stderr weir run shm pipe -p process:process -m paced --access place --csv - --rounds 1 --progress never
    expect_status 0
    [[ $output == *,access,*$'\n'*",place,"*",place," ]] || complain "expected a column that says so"
}

@test "damage in place is found" {
    WEIR_DRIVER_PATH=$WEIR_BUILD/tests/modules run --separate-stderr weir run fault,of=shm,kind=flip,every=50 \
        -p thread:thread --access place --json - "${quick[@]}"
    expect_status 1
    expect_json '.cells[0] | .status == "failed" and .integrity.corrupted > 0'
}

@test "of several producers the least share is told, of one there is none" {
    run --separate-stderr weir run shm pipe -p thread:thread -w 1x1,3x1 -m stream,pingpong,paced -v --json out.json --rounds 1 --progress never
    expect_status 0
    expect_json 'all(.cells[]; if .producers == 1 then .fairness == null else .fairness.least_share <= 1 and .fairness.least_share >= 0 end)' out.json
    [ "$(grep -c "fairness:" <<<"$output")" = 6 ] || complain "expected a line for each cell of three producers"
}

@test "the table says how messages are got at where that is not a copy" {
    run --separate-stderr weir run shm -p thread:thread --access place "${quick[@]}"
    [[ $output == *", in place,"* ]] || complain "expected a word in the caption"
    run --separate-stderr weir run shm -p thread:thread --access place,copy "${quick[@]}"
    [[ $output == *ACCESS* && $output == *place* && $output == *copy* ]] || complain "expected a column"
    run --separate-stderr weir run shm -p thread:thread "${quick[@]}"
    [[ $output != *place* && $output != *ACCESS* ]] || complain "expected no word of it"
}

@test "a message too small for its codec is skipped" {
    run --separate-stderr weir run pipe -s 1,64 -k nanopb -p thread:thread --json - "${quick[@]}"
    expect_status 0
    expect_json '[.cells[] | select(.size == 1) | .status == "skipped" and (.reason | test("nanopb"))] == [true]'
    expect_json '[.cells[] | select(.size == 64) | .status] == ["ok"]'
}

@test "of a cell that was skipped the table for programs says the depth and the wait that were asked for" {
    run --separate-stderr weir run pipe -s 1 -k nanopb -p thread:thread --wait block -d 77 --csv - "${quick[@]}"
    expect_status 1
    [[ $stderr == *"nothing was measured: the cell was skipped"* ]] || complain "expected to hear of it: $stderr"
    [[ $output == *",nanopb,block,77,"*",skipped,"* ]] || complain "expected block and 77"
}

@test "all pairings in one word" {
    run --separate-stderr weir run pipe -p all --json - "${quick[@]}"
    expect_status 0
    expect_json '[.cells[].pairing] | sort ==
        ["process:process", "process:thread", "thread:process", "thread:thread"]'
}

@test "a table goes to stdout, without color or progress where there is no terminal" {
    run --separate-stderr weir run pipe -p thread:thread "${quick[@]}"
    expect_status 0
    [[ $output == *pipe* ]] || complain "expected a table"
    [[ $output$stderr != *$'\e'* && $output$stderr != *$'\r'* ]] || complain "expected plain text"
}

@test "JSON on stdout takes the table's place, JSON in a file does not" {
    run --separate-stderr weir run pipe -p thread:thread --json out.json "${quick[@]}"
    expect_status 0
    [[ $output == *pipe* ]] || complain "expected a table"
    expect_json "$all_ok" out.json
    run --separate-stderr weir run pipe -p thread:thread --json - "${quick[@]}"
    expect_json "$all_ok"
}

@test "JSON keeps integers whole and says what it does not know with null" {
    run --separate-stderr weir run pipe -p process:process --json - "${quick[@]}"
    expect_status 0
    expect_json '.cells[0] | has("reason") and .reason == null'
    expect_json '.cells[0].integrity | map(. == floor) | all'
    [[ $output != *NaN* && $output != *nan* && $output != *inf* ]] || complain "not a number"
}

@test "a dry run measures nothing" {
    run --separate-stderr weir run pipe shm -s 8,64 -p all --dry-run
    expect_status 0
    [[ $output == *pipe* && $output == *shm* ]] || complain "expected the cells"
}

@test "a message larger than the driver can carry skips that cell only" {
    run --separate-stderr weir run pipe mutex -s 4M -p thread:thread --depth 1 --json - "${quick[@]}"
    expect_status 0
    expect_json '.cells[] | select(.spec == "pipe") | .status == "skipped" and (.reason | test("4194304"))'
    expect_json '[.cells[] | select(.spec == "mutex") | .status] == ["ok"]'
}

@test "every driver carries large messages or says that it cannot" {
    local size
    for size in 300K 1M 5M 64M; do
        run --separate-stderr weir run mutex pipe unix unix,type=stream unix,type=dgram shm zmq -s "$size" -p process:process \
            --depth 1 --json - "${quick[@]}"
        expect_status 0
        expect_json 'all(.cells[]; .status == "ok" or (.status == "skipped" and (.reason | length) > 0))'
    done
}

@test "no zmq module: list says what to build it with, the tour runs without it and says so" {
    mkdir -p bare/bench bare/channels
    cp "$WEIR_BUILD"/bench/weir bare/bench
    find "$WEIR_BUILD/channels" -maxdepth 1 -name 'libweir.so*' ! -type d -exec cp -P -t bare/channels {} +
    WEIR=$box/bare/bench/weir
    export LD_LIBRARY_PATH=$box/bare/channels
    run --separate-stderr weir list
    expect_status 0
    [[ $output == *zmq.so*libzmq3-dev* ]] || complain "expected what to build it with"
    run --separate-stderr weir --json out.json --rounds 1 --progress never
    expect_status 0
    [[ $output$stderr == *zmq* ]] || complain "expected a word on zmq"
    expect_json '[.cells[] | select(.channel != "zmq") | .status] | length == 32 and all(. == "ok")' out.json
    expect_json '[.cells[] | select(.channel == "zmq") | .status] | all(. == "skipped")' out.json
    run --separate-stderr weir list zmq
    [[ $output == *libzmq3-dev* ]] || complain "expected what to build it with"
}

@test "a zmq module without libzmq: list says which library to install; of a broken module it does not" {
    mkdir modules
    export WEIR_DRIVER_PATH=$box/modules
    sed 's/libzmq\.so\.5/libzmq.so.0/' "$WEIR_BUILD/channels/plugins/zmq.so" >modules/zmq.so
    run --separate-stderr weir list zmq
    [[ $output == *"not available"*libzmq.so.0*libzmq5* && $output != *libzmq3-dev* ]] || complain "expected libzmq5"
    echo nonsense >modules/zmq.so
    run --separate-stderr weir list zmq
    [[ $output == *"not available"*modules/zmq.so* && $output != *libzmq* ]] || complain "expected the file's name"
}

@test "libzmq damaged: list says so" {
    need_root
    local library
    library=$(ldd "$WEIR_BUILD/channels/plugins/zmq.so" | awk '/libzmq/ { print $3 }')
    cat >damaged <<'SH'
mount --bind /dev/null "$1"
shift
exec "$@"
SH
    run --separate-stderr weir_in unshare --mount bash damaged "$library" -- list zmq
    expect_status 0
    [[ $output == *"not available"*libzmq* ]] || complain "expected the reason"
}

@test "a driver from a module in WEIR_DRIVER_PATH, and by its path" {
    WEIR_DRIVER_PATH=$WEIR_BUILD/tests/modules run --separate-stderr weir run skeleton -p all --json - "${quick[@]}"
    expect_status 0
    expect_json "$all_ok"
    run --separate-stderr weir run "$WEIR_BUILD/tests/modules/skeleton.so" -p thread:thread --json - "${quick[@]}"
    expect_status 0
    expect_json "$all_ok"
}

@test "sentences are broken at the width of a narrow terminal" {
    run expect -c '
        log_user 1
        spawn -noecho sh -c "stty cols 40; exec $env(WEIR) run pipe -p thread:thread -m stream --rounds 1 --progress never"
        expect eof'
    expect_status 0
    [[ $output == *"median wall time"* ]] || complain "expected the table"
    for line in "${lines[@]}"; do
        line=${line%$'\r'}
        ((${#line} <= 40)) || complain "too wide: $line"
    done
}
