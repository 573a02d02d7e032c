#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Two channels side by side: what is refused, what is printed, and what the exit status says.

load helpers

brief=(-m stream --rounds 6 --progress never -q)

@test "bad words of compare are refused in one line" {
    expect_refused 'two sides' -- compare
    expect_refused 'two sides' -- compare pipe
    expect_refused 'third' 'unix' -- compare pipe shm unix
    expect_refused "unknown driver 'pope'" -- compare pipe pope
    expect_refused "unknown option 'whait'" -- compare pipe "unix --whait spin"
    expect_refused "size 'big'" -- compare pipe "unix -s big"
    expect_refused 'several channels' -- compare pipe "unix shm"
    expect_refused 'no channel' -- compare pipe ""
    expect_refused 'no channel' -- compare pipe " -s 64"
    expect_refused 'pairing' -- compare pipe unix -p here:there
    expect_refused "unknown verdict 'faster'" 'slower' -- compare pipe unix --fail-on faster
    expect_refused '--rounds' '--precision' -- compare pipe unix --rounds 3 --precision 2%
    expect_refused 'paced' 'pingpong' -- compare pipe unix -m paced -r 1K
    expect_refused 'given twice' -- compare "pipe -s 64,64" "unix -s 64,64"
}

@test "sides with different numbers of cells are refused" {
    expect_refused 'makes 2 cells' 'makes 4' -- compare "pipe -s 64,128 -m stream" "unix -s 64,128"
}

@test "a dry run lists the pairs" {
    run --separate-stderr weir compare "shm -w 1x1" "shm -w 4x1" -m stream --dry-run
    expect_status 0
    [ "$output" = "shm/process:process/64/1x1/stream/raw  shm/process:process/64/4x1/stream/raw" ] || complain "other pairs"
    run --separate-stderr weir compare "shm --wait spin" "shm --wait block" -p all --dry-run
    [ "${#lines[@]}" = 8 ] || complain "expected 8 pairs"
    [[ $output == *wait=spin*wait=block* ]] || complain "expected names that tell the cells apart"
}

@test "options of a side win over those outside" {
    run --separate-stderr weir compare "pipe -s 8" unix -s 128 -m stream --dry-run
    [ "$output" = "pipe/process:process/8/1x1/stream/raw  unix/process:process/128/1x1/stream/raw" ] ||
        complain "other pairs"
}

@test "two channels, each pair with its figures and a sentence" {
    run --separate-stderr weir compare pipe shm "${brief[@]}" --json out.json --csv out.csv --markdown out.md
    expect_status 0
    [[ $output == *"A: pipe"*"B: shm"*VERDICT* ]] || complain "expected a table"
    [[ $output == *"between processes (stream)"* ]] || complain "expected a sentence"
    expect_json "$all_ok" out.json
    expect_json '.comparisons | length == 1 and (.[0] | .a == "pipe/process:process/64/1x1/stream/raw" and
        .b == "shm/process:process/64/1x1/stream/raw" and .rounds == 6 and .lo <= .ratio and .ratio <= .hi and
        .mde >= .delta and .delta >= 0.02)' out.json
    [ "$(wc -l <out.csv)" = 2 ] || complain "expected one row"
    [[ $(head -n 1 out.csv) == a,b,* && $(<out.md) == *"| VERDICT"* ]] || complain "expected heads"
}

@test "a channel with itself: cells have names of their own" {
    run --separate-stderr weir compare pipe pipe "${brief[@]}" --json -
    expect_status 0
    expect_json '.cells | length == 2 and .[0].id != .[1].id'
    expect_json '.comparisons[0].a == .cells[0].id and .comparisons[0].b == .cells[1].id'
}

@test "too few rounds give no verdict, and --strict says so in the exit status" {
    run --separate-stderr weir compare pipe unix -m stream --rounds 2 -q --json -
    expect_status 0
    expect_json '.comparisons[0] | .verdict == "inconclusive" and .lo == null and .hi == null and .mde == null and
        .ratio > 0'
    run --separate-stderr weir compare pipe unix -m stream --rounds 2 -q --strict
    expect_status 4
    [[ $output == *"too few rounds"* ]] || complain "expected the reason"
}

@test "--fail-on slower fails when B is slower" {
    # 64 KiB instead of 8 B in each message: no noise hides that.
    run --separate-stderr weir compare "pipe -s 8" "pipe -s 64K" -p thread:thread "${brief[@]}" --fail-on slower --json -
    [ "$status" = 3 ] || [[ $output == *inconclusive* ]] || complain "expected 3"
    expect_json '.comparisons[0].verdict as $verdict | $verdict == "slower" or $verdict == "inconclusive"'
    run --separate-stderr weir compare "pipe -s 64K" "pipe -s 8" -p thread:thread "${brief[@]}" --fail-on slower
    expect_status 0
}

@test "a side that cannot be measured is told, and nothing is compared" {
    run --separate-stderr weir compare "shm -s 64" "shm -s 1" -k nanopb "${brief[@]}"
    expect_status 1
    [[ $output == *"skipped"* && $output == *"were not compared"* ]] || complain "expected the reason"
}

@test "interrupted: what was measured is compared and labelled" {
    start compare pipe unix -m stream --budget 20s -q --json out.json
    wait_for 10 has_workers 2
    sleep 1
    kill -INT "$weir_pid"
    finish
    expect_status 130
    expect_json '.interrupted == true and (.comparisons | length) == 1' out.json
}
