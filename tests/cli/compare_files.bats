#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Saved results: what is compared, what is not comparable, and that no damaged file gets further than one line.

load helpers

# Two runs of a cell each, whose costs are made up: B takes 1.5 times as long.
made_up='(.cells[0] | .cost_ns.median = $c | .cost_ns.lo = null | .cost_ns.hi = null | .cost_ns.regimes = [] |
    .cost_ns.rounds = [range(20) | $c * (1 + (. % 5) / 1000)] | .cost_ns.round_numbers = [range(20)]) as $cell |
    .design |= (.noise_floor = 0.01 | .regimes = [] | .rounds_list = []) | .cells = [$cell]'

make_files() {
    weir run pipe -p thread:thread -q --json run.json "${quick[@]}" >/dev/null
    jq --argjson c 100 "$made_up" run.json >a.json
    jq --argjson c 150 "$made_up" run.json >b.json
}

@test "a slower, a faster, and the same file" {
    make_files
    run --separate-stderr weir compare a.json b.json --csv out.csv --markdown out.md
    expect_status 0
    [[ $output == *"A: a.json"*"B: b.json"*slower* ]] || complain "expected a table"
    [[ $output == *"B is slower than A between threads (pipe, stream): 1.50"* ]] || complain "expected a sentence"
    [[ $(<out.csv) == *slower* && $(<out.md) == *slower* ]] || complain "expected verdicts in files"
    run --separate-stderr weir compare a.json b.json --fail-on slower -q
    expect_status 3
    run --separate-stderr weir compare b.json a.json --fail-on slower --strict
    expect_status 0
    [[ $output == *faster* ]] || complain "expected another verdict"
    run --separate-stderr weir compare a.json a.json --strict
    expect_status 0
    [[ $output == *"costs the same"* ]] || complain "expected another verdict"
}

@test "JSON of two files: the seed repeats it, and it can be read again" {
    make_files
    weir compare a.json b.json --seed 5 --json one.json -q
    weir compare a.json b.json --seed 5 --json two.json -q
    cmp one.json two.json
    expect_json '.schema == "weir.run/1" and .compared.seed == 5 and .compared.resamples == 10000 and
        .compared.a.file == "a.json" and .comparisons[0].verdict == "slower"' one.json
    run --separate-stderr weir compare a.json one.json
    expect_status 0
}

@test "epochs of other lengths are told" {
    make_files
    run --separate-stderr weir compare a.json b.json
    [[ $output != *epochs* ]] || complain "expected no word of it"
    jq '.cells[0].epoch.ns = 1e9' b.json >long.json
    run --separate-stderr weir compare a.json long.json
    expect_status 0
    [[ $(tr '\n' ' ' <<<"$output") == *"epochs were not as long in both"*"B 1.00 s"*"--rerun"* ]] || complain "expected a word of it"
    jq 'del(.cells[0].epoch)' b.json >unknown.json
    run --separate-stderr weir compare a.json unknown.json
    [[ $output == *slower* && $output != *epochs* ]] || complain "expected no word of it"
}

@test "cells on one side only are told; nothing in common is refused" {
    make_files
    jq '.cells += [.cells[0] | .id = "other"]' b.json >more.json
    run --separate-stderr weir compare a.json more.json
    expect_status 0
    [[ $output == *"only in B: other"* ]] || complain "expected the lonely cell"
    jq '.cells[0].id = "other"' b.json >other.json
    expect_refused 'no cell in common' -- compare a.json other.json
}

@test "paced cells are left out, and told" {
    make_files
    jq '.cells += [.cells[0] | .id = "paced" | .pattern = "paced" | .rate = {"asked": 1000, "achieved": 1000,
        "saturated": false}]' a.json >paced.json
    run --separate-stderr weir compare paced.json paced.json --strict
    expect_status 0
    [[ $output == *"not compared: 1 paced cell"* ]] || complain "expected a word on paced cells"
    jq '.cells = [.cells[1]]' paced.json >only.json
    expect_refused 'only paced cells' -- compare only.json paced.json
}

@test "another machine, kernel, build or placement is not comparable, and --rerun is offered" {
    make_files
    local filter
    for filter in '.env.kernel = "Linux 2.0"' '.env.cpu = "Z80"' '.env.cpus = 1024' '.tool.build_type = "odd"' \
        '.tool.compiler = "cc 1"' '.cells[0].pin = "same"'; do
        jq "$filter" b.json >other.json
        expect_refused 'not comparable' 'differs' '--rerun' -- compare a.json other.json
    done
    jq '.tool.version = "0.0.9"' b.json >other.json
    run --separate-stderr weir compare a.json other.json
    expect_status 0
    expect_says 0.0.9
}

@test "--rerun measures what the files hold, side by side" {
    make_files
    jq '.env.kernel = "Linux 2.0"' b.json >other.json
    run --separate-stderr weir compare a.json other.json --rerun --rounds 6 --json -
    expect_status 0
    expect_says 'same cells'
    expect_json "$all_ok"
    expect_json '(.cells | length) == 2 and .comparisons[0].rounds == 6 and .comparisons[0].ratio < 1000'
    jq '.cells[0].spec = "./evil.so"' b.json >other.json
    expect_refused 'module' -- compare a.json other.json --rerun
    jq '.cells[0].spec = "pope"' b.json >other.json
    expect_refused 'pope' -- compare a.json other.json --rerun
    jq '.cells[0].pin = "nowhere"' b.json >other.json
    expect_refused 'nowhere' -- compare a.json other.json --rerun
    jq '.cells += [.cells[0] | .id = "other"]' b.json >other.json
    expect_refused 'one to one' -- compare a.json other.json --rerun
}

@test "regimes: like with like, and unlike is inconclusive" {
    make_files
    local regime='.design |= (.regimes = [{"name": "steady", "line_ns": $l, "rounds": 20}] |
        .rounds_list = [range(20) | {"line_ns": $l, "steal_ns": 0, "regime": "steady"}])'
    jq --argjson l 190 "$regime" a.json >near.json
    jq --argjson l 800 "$regime" b.json >far.json
    run --separate-stderr weir compare near.json far.json --strict
    expect_status 4
    [[ $output == *unlike* && $output == *"not as far apart"* ]] || complain "expected a label"
    jq --argjson l 210 "$regime" b.json >near_too.json
    run --separate-stderr weir compare near.json near_too.json --strict
    expect_status 0
}

@test "unreadable, truncated, foreign and newer files: one line each" {
    make_files
    head -c 700 a.json >truncated.json
    echo '{"results": [{"command": "ls", "mean": 1}]}' >foreign.json
    sed 's,weir.run/1,weir.run/2,' a.json >newer.json
    echo 'not JSON' >noise.json
    : >empty.json
    mkdir folder.json
    mkfifo pipe.json
    expect_refused missing.json 'No such file' -- compare a.json missing.json
    expect_refused truncated.json 'cut off' -- compare a.json truncated.json
    expect_refused foreign.json 'not a result of weir' -- compare foreign.json a.json
    expect_refused newer.json 'weir.run/2' 'newer' -- compare a.json newer.json
    expect_refused noise.json 'not JSON' -- compare a.json noise.json
    expect_refused empty.json 'empty' -- compare a.json empty.json
    expect_refused folder.json 'regular file' -- compare a.json folder.json
    expect_refused pipe.json 'regular file' -- compare a.json pipe.json
    expect_refused 'is a file and' -- compare a.json pipe
    jq '.cells += .cells' a.json >twice.json
    expect_refused twice.json 'twice' -- compare a.json twice.json
    jq '.cells[0].cost_ns.rounds[3] = -5' a.json >absurd.json
    expect_refused absurd.json 'cells[0].cost_ns.rounds' -- compare a.json absurd.json
    jq '.cells[0].size = "64"' a.json >typed.json
    expect_refused typed.json 'cells[0].size' -- compare a.json typed.json
}

@test "options that mean nothing for files are refused" {
    make_files
    expect_refused 'what to measure' -- compare a.json b.json -s 64
    expect_refused 'what to measure' -- compare a.json b.json -r 1K
    expect_refused '--budget' -- compare a.json b.json --budget 3s
    expect_refused '--rerun' -- compare pipe unix --rerun
}

@test "zero bytes are no end of a file" {
    make_files
    printf '{\0' >zero.json
    expect_refused 'not JSON' -- compare a.json zero.json
}

@test "options that mean nothing for saved results are refused" {
    make_files
    expect_refused 'say what to measure' -- compare a.json b.json -r 1K
    expect_refused 'nothing to list' -- compare a.json b.json --dry-run
}

@test "a result that is compared is not written over" {
    make_files
    cp a.json kept.json
    expect_refused 'written over' -- compare a.json b.json --json ./a.json
    expect_refused 'written over' -- compare b.json a.json --rerun --csv a.json
    cmp a.json kept.json
}
