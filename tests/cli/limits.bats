#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# `weir limits`: its formats, its bad words, and what Ctrl-C leaves.

load helpers

groups='line syscall transit write switch wake copy clock skew create'

@test "limits: all groups, on stdout, within 80 columns" {
    local group line
    run --separate-stderr weir limits --budget 100ms
    expect_status 0
    for group in $groups; do
        [ "$(nproc)" = 1 ] && [[ $group =~ ^(line|wake|skew)$ ]] && continue
        [[ $output == *$'\n'"$group "* ]] || complain "expected $group"
    done
    while read -r line; do
        [ "${#line}" -le 80 ] || complain "a line is ${#line} columns wide: $line"
    done <<<"$output"
}

@test "limits: some only, quietly" {
    run --separate-stderr weir limits -q --budget 50ms syscall clock
    expect_status 0
    [ -z "$stderr" ] || complain "expected nothing on stderr"
    [[ $output == *"syscall getppid"* && $output == *"clock monotonic"* ]] || complain "expected both"
    [[ $output != *"transit"* ]] || complain "expected no others"
}

@test "limits: JSON holds figures with units and what is not known as null" {
    run --separate-stderr weir limits -q --json - --budget 200ms
    expect_status 0
    expect_json '.schema == "weir.limits/1" and .rounds >= 1 and .env.cpus >= 1 and .interrupted == false'
    expect_json '(.limits | length) > 15 and (.limits | map(.id) | unique | length) == (.limits | length)'
    expect_json 'all(.limits[]; (.unit == "ns" or .unit == "bytes/s") and (.median == null or .n > 0))'
    expect_json 'all(.limits[] | select(.name | startswith("copy")); .unit == "bytes/s" and .size > 0)'
    expect_json 'all(.limits[] | select(.distance != null); (.cpus | length) == 2)'
    expect_json 'any(.limits[]; .name == "create fork" and .cpus == null and .median > 0)'
}

@test "limits: CSV has a row each, Markdown a table" {
    run --separate-stderr weir limits -q --csv out.csv --markdown out.md --budget 50ms syscall copy
    expect_status 0
    [ "$(head -n1 out.csv)" = id,name,unit,cpus,distance,size,median,lo,hi,n ] || complain "expected heads"
    [ "$(awk -F, '{ print NF }' out.csv | sort -u)" = 10 ] || complain "expected 10 fields in each row"
    [ "$(wc -l <out.csv)" -ge 4 ] || complain "expected rows"
    [[ $(head -n1 out.md) == "| LIMIT "* ]] || complain "expected a table"
}

@test "limits: -v adds the matrix of pairs" {
    [ "$(nproc)" -gt 1 ] || skip "needs two CPUs"
    run --separate-stderr weir limits -q -v --budget 50ms line
    expect_status 0
    [[ $output == *"round trip of a line, ns"* ]] || complain "expected a matrix"
}

@test "limits: what takes two CPUs is told where there is one" {
    run --separate-stderr weir_in taskset -c "$(taskset -pc $$ | grep -oE '[0-9]+$')" -- limits -q line wake
    expect_status 1
    expect_says "two CPUs"
    [ -z "$output" ] || complain "expected nothing on stdout"
}

@test "limits: a budget shorter than a round still gives one" {
    run --separate-stderr weir limits -q --json - --budget 1ms syscall
    expect_status 0
    expect_json '.rounds == 1 and .limits[0].n == 1 and .limits[0].median > 0 and .limits[0].lo == null'
}

@test "limits: one CPU has no pairs, and says the rest" {
    run --separate-stderr weir_in taskset -c 0 -- limits -q --json - --budget 300ms
    expect_status 0
    expect_json 'all(.limits[]; .cpus == null or (.cpus | length) == 1) and any(.limits[]; .name == "switch one CPU")'
}

@test "limits: an unknown limit or option is named, with the nearest" {
    expect_refused "'lime'" "'line'" -- limits lime
    expect_refused "'--bugdet'" -- limits --bugdet 3s || expect_refused bugdet -- limits --bugdet 3s
    expect_refused "'0s'" -- limits --budget 0s
}

@test "run: each cell stands beside its nearest limit" {
    [ "$(nproc)" -gt 1 ] || skip "needs two CPUs"
    run --separate-stderr weir run shm pipe null -p thread:thread -m pingpong,stream --rounds 2 --json - -q
    expect_status 0
    expect_json 'all(.cells[] | select(.channel == "null"); .limit == null)'
    expect_json 'all(.cells[] | select(.channel != "null"); .limit.ns > 0 and .limit.ratio > 0 and
        (.limit.suspicious | type) == "boolean" and .limit.suspicious == (.limit.ratio < 1))'
    expect_json '[.cells[] | select(.channel == "pipe").limit.name] == ["transit + wake", "write"]'
    run --separate-stderr weir run shm -p thread:thread -m pingpong --rounds 2 -v -q
    [[ $output == *LIMIT* && $output == *"nearest limit: line"* ]] || complain "expected the limit"
}

@test "run: CPUs that nobody chose have no line to compare with" {
    run --separate-stderr weir run shm -p thread:thread -m pingpong --pin none --rounds 1 --json - -q
    expect_status 0
    expect_json '.cells[0].limit == null'
}

@test "limits: Ctrl-C ends it at once with what was measured, and leaves nothing" {
    start limits --budget 20s --json out.json
    sleep 0.5
    kill -INT "$weir_pid"
    limit_s=5 finish
    expect_status 130
    expect_json '.interrupted == true' out.json
}
