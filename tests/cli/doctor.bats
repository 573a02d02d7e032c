#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What weir says about the machine: `weir doctor`, and the warnings of a run.

load helpers

@test "a line for each check and a remedy for each warning, within 80 columns" {
    run --separate-stderr weir doctor
    expect_status 0
    [ -z "$stderr" ] || complain "expected nothing on stderr"
    local check warnings=0
    for check in slow-build one-cpu more-workers cpu-quota steal other-load pressure virtual-machine smt-siblings \
        governor turbo slow-clock shared-memory descriptors processes; do
        grep -qE "^$check +(ok|warning|n/a) +[^ ]" <<<"$output" || complain "no line for $check"
        if grep -qE "^$check +warning" <<<"$output"; then
            warnings=$((warnings + 1))
            grep -qE "^fix: $check:" <<<"$output" || complain "no remedy for $check"
        fi
    done
    [ "$(grep -c '^fix: ' <<<"$output")" = "$warnings" ] || complain "expected $warnings remedies"
    ! grep -vE '^    .*/cgroup/' <<<"$output" | grep -qE '^.{81}' || complain "a line is longer than 80"
    [[ $output != *$'\e'* ]] || complain "expected plain text"
}

@test "a small limit is found, with what to type against it" {
    run --separate-stderr weir_in prlimit --nofile=300 -- doctor
    expect_status 0
    grep -qE '^descriptors +warning +at most 300' <<<"$output" || complain "expected the limit"
    [[ $output == *"fix: descriptors: ulimit -n"* ]] || complain "expected the remedy"
    run --separate-stderr weir_in prlimit --nofile=300 -- doctor --strict
    expect_status 1
}

@test "one CPU is found, and is no ground to fail" {
    run --separate-stderr weir_in taskset -c "$(taskset -pc $$ | grep -oE '[0-9]+$')" -- doctor
    expect_status 0
    grep -qE '^one-cpu +warning' <<<"$output" || complain "expected one-cpu"
}

@test "JSON: the machine, each check with its state, and the warnings again in env" {
    run --separate-stderr weir doctor --json -
    expect_status 0
    expect_json '.schema == "weir.doctor/1" and (.checks | length) == 15'
    expect_json '.checks | map(.id) | unique | length == 15'
    expect_json 'all(.checks[]; (.state == "ok" or .state == "warning" or .state == "n/a") and (.text | length) > 0)'
    expect_json 'all(.checks[]; (.state == "warning") == (.fix != null))'
    expect_json '.env.warnings == [.checks[] | select(.state == "warning") | {id, text, fix}]'
    expect_json '.env | .cpus >= 1 and (.clock.overhead_ns > 0) and (.kernel | length) > 0'
    expect_json '.env.steal_pct == null or .env.steal_pct >= 0'
}

@test "CSV and Markdown have a row for each check" {
    run --separate-stderr weir doctor --csv out.csv --markdown out.md
    expect_status 0
    [ "$(wc -l <out.csv)" = 16 ] || complain "$(cat out.csv)"
    [ "$(head -1 out.csv)" = check,state,found,fix ]
    [ "$(wc -l <out.md)" = 17 ] || complain "$(cat out.md)"
}

@test "bad words and files that cannot be written are refused before anything is looked at" {
    expect_refused "'stritc'" "'strict'" -- doctor --stritc
    expect_refused "'pipe'" -- doctor pipe
    expect_refused nowhere/out.json -- doctor --json nowhere/out.json
    expect_refused stdout -- doctor --json - --csv -
    expect_refused "'dokter'" "command 'doctor'" -- dokter
}

@test "what cannot be written in the end is an error" {
    run --separate-stderr weir doctor --json /dev/full
    expect_status 1
    expect_says /dev/full
    [[ $output == *slow-build* ]] || complain "expected the table"
}

@test "a run warns of what it finds, in a few lines and in the JSON" {
    run --separate-stderr weir_in prlimit --nofile=300 -- run pipe -p thread:thread "${quick[@]}" --json out.json
    expect_status 0
    [ "$(grep -c '^warning: ' <<<"$stderr")" -le 8 ] || complain "too many warnings"
    expect_json '.env.warnings | map(.id) | index("descriptors") != null' out.json
    expect_json 'all(.env.warnings[]; (.text | length) > 0 and (.fix | length) > 0)' out.json
    run --separate-stderr weir run pipe -p thread:thread "${quick[@]}" -q
    [ -z "$stderr" ] || complain "expected nothing from a quiet run"
}

@test "a run with more workers than CPUs says so" {
    run --separate-stderr weir_in taskset -c 0,1 -- run pipe -p thread:thread -w 1x1,8x1 "${quick[@]}" --json out.json
    [ "$status" = 0 ] || skip "needs CPUs 0 and 1"
    expect_json '.env.warnings | map(select(.id == "more-workers") | .text) | length == 1 and (.[0] | test("9 workers"))' out.json
    expect_says "warning: more-workers: 9 workers on 2 CPUs" "--wait block"
}
