#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Bad input: one line that names the bad word and the allowed ones, exit 2, nothing started.

load helpers

@test "an unknown driver is named, with those that there are and the nearest" {
    expect_refused "'shn'" mutex pipe unix shm zmq "mean 'shm'" -- run shn
    expect_refused "'frobnicate'" mutex pipe -- frobnicate
    expect_refused "''" -- run ""
    expect_refused "'lst'" "command 'list'" -- lst
}

@test "an unknown option of a driver is named, with those that there are and the nearest" {
    expect_refused "'tpye'" type wait "mean 'type'" -- run unix,tpye=stream
    expect_refused "'type'" key=value -- run unix,type
    expect_refused type twice -- run unix,type=stream,type=dgram
}

@test "a bad value of a driver's option is named, with the allowed ones" {
    expect_refused "'strem'" seqpacket stream dgram "mean 'stream'" -- run unix,type=strem
    expect_refused "'sleep'" block spin adaptive -- run shm,wait=sleep
}

@test "one bad channel among good ones stops all" {
    expect_refused "'nope'" -- run mutex nope pipe
}

@test "an unknown pairing is named, with the allowed ones" {
    expect_refused "'thread:proces'" thread:thread thread:process process:thread process:process -- \
        run pipe -p thread:proces
    expect_refused "'x'" thread:thread -- run pipe --pairing thread:thread,x
}

@test "an unknown pattern is named, with the allowed ones" {
    expect_refused "'strem'" stream pingpong "'stream'" -- run pipe -m strem
}

@test "an unknown codec is named, with the allowed ones" {
    expect_refused "'nanopd'" raw "'nanopb'" -- run pipe -k nanopd
}

@test "an unknown way to wait is named, with the allowed ones" {
    expect_refused "'sleep'" block spin adaptive -- run pipe --wait sleep
}

@test "a placement that cannot be is refused" {
    expect_refused "'sideways'" auto none same -- run pipe --pin sideways
    expect_refused 4095 -- run pipe --pin 0:4095
}

@test "sizes: what is not a size is refused, with the form of one" {
    local size
    for size in 0 8.. 64Q -5 '' ..64 64..8 8..64K*1 8..64K*0 8..64K* 1.5 0x40 99999999999999999999 K "64 "; do
        expect_refused "'$size'" size -- run pipe "--size=$size"
    done
    expect_refused "'64,'" size -- run pipe -s 64,
}

@test "a range whose steps leave the range of numbers ends" {
    run --separate-stderr weir_in prlimit --as=1000000000 -- run pipe -s 8..64K*9223372036854775808 --dry-run
    [ "$status" = 0 ] || [ "$status" = 2 ] || complain "expected a list or a refusal"
}

@test "workers: each side is 1 to 1024" {
    local workers
    for workers in 0x1 1x0 x 1x 4 -1x1 1x1x1 99999x1 1x1025 ''; do
        expect_refused "'$workers'" -- run pipe "--workers=$workers"
    done
}

@test "numbers and durations out of range are refused" {
    expect_refused "'0'" -- run pipe --depth 0
    expect_refused "'-1'" -- run pipe --rounds=-1
    expect_refused "'0'" -- run pipe --rounds 0
    expect_refused "'many'" -- run pipe --rounds many
    expect_refused "'0'" -- run pipe --batch 0
    expect_refused "'plaice'" "'place'" -- run pipe --access plaice
    expect_refused "'10q'" -- run pipe --budget 10q
    expect_refused "'-3s'" -- run pipe --budget=-3s
    expect_refused "'0s'" -- run pipe --budget 0s
    expect_refused "'0x1s'" -- run pipe --budget 0x1s
    expect_refused "'1e1s'" -- run pipe --budget 1e1s
    expect_refused "'5.s'" -- run pipe --budget 5.s
    expect_refused "'x'" -- run pipe --seed x
}

@test "a precision is a percentage, and does not go with rounds" {
    expect_refused "'2'" 2% -- run pipe --precision 2
    expect_refused "'0%'" 2% -- run pipe --precision 0%
    expect_refused "'0x1%'" 2% -- run pipe --precision 0x1%
    expect_refused "'narrow'" 2% -- run pipe --precision narrow
    expect_refused --rounds --precision -- run pipe --precision 2% --rounds 5
    run --separate-stderr weir run pipe --precision 0.5% --dry-run
    expect_status 0
}

@test "color and progress take auto, always, never" {
    expect_refused "'blue'" auto always never -- run pipe --color blue
    expect_refused "'often'" auto always never -- run pipe --progress often
}

@test "an unknown program option is named" {
    run --separate-stderr weir run pipe --frobnicate
    expect_status 2
    [ -z "$output" ]
    expect_says frobnicate
}

@test "an option without its value is refused" {
    run --separate-stderr weir run pipe --size
    expect_status 2
    [ -z "$output" ]
    expect_says size
}

@test "list refuses what it does not know" {
    expect_refused "'shn'" "'shm'" -- list shn
    expect_refused "'unix'" -- list shm unix
}

@test "a module that is none is refused in words" {
    echo "not a library" >notes.so
    expect_refused notes.so -- run "$box/notes.so"
    expect_refused missing.so -- run "$box/missing.so"
    expect_refused "has a slash: ./notes.so" -- run notes.so
}

@test "control characters in bad words neither break the line nor reach the terminal" {
    local word
    for word in $'sh\e[2Jm' $'sh\nm' $'shm,\rwait=x'; do
        expect_refused sh -- run "$word"
        [[ $stderr != *[$'\e\r']* ]] || complain "control characters came through"
    done
}

@test "a budget too small for one round is refused with how much would do" {
    expect_refused "too small" "or more" -- run shm -p thread:thread --budget 1ms -q
}

@test "no help and no list is wider than 80 columns" {
    local words line drivers
    mapfile -t drivers < <(weir list | cut -d ' ' -f 1)
    for words in --help 'run --help' 'compare --help' 'limits --help' 'doctor --help' 'list --help' list \
        "${drivers[@]/#/list }"; do
        # shellcheck disable=SC2086 # several words
        run weir $words
        expect_status 0
        for line in "${lines[@]}"; do
            ((${#line} <= 80)) || complain "weir $words: too wide: $line"
        done
    done
}

@test "an epoch is from 5ms to 10s long, and as long as asked" {
    expect_refused "epoch" "4ms" -- run shm --epoch 4ms
    expect_refused "epoch" "11s" -- run shm --epoch 11s
    expect_refused "'x'" -- run shm --epoch x
    run --separate-stderr weir run shm -p thread:thread -m stream --rounds 1 --epoch 200ms --json - -q
    expect_status 0
    expect_json '.cells[0].epoch.ns > 60e6'
}

@test "help says of every format how it goes to stdout, and which pairings are compared" {
    local command help
    for command in run compare limits doctor; do
        help=$(weir $command --help | tr -s '\n ' ' ')
        [[ $help == *"--csv=FILE"*"- is stdout, in place of the table"*"--json=FILE"*"as above"*"--markdown=FILE"*"as above"* ]] ||
            complain "expected each format in $command --help"
    done
    help=$(weir compare --help | tr -s '\n ' ' ')
    [[ $help == *"of compare process:process"* ]] || complain "expected the default pairing"
}
