#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# That the bars can be measured at all: a quick look, whose figures mean nothing.

load helpers

perform() {
    command -v python3 >/dev/null || skip "needs python3"
    run --separate-stderr "$BATS_TEST_DIRNAME/../performance/run" "$WEIR_BUILD" --quick "$@"
}

@test "rows are measured, with a figure, a bar and a command" {
    perform in-place mutex memory --commands --json rows.json --markdown rows.md
    expect_status 0
    [[ $output == *"in-place "*">= 1.80"*"weir run shm"*"--access copy,place"* ]] || complain "expected a figure, its bar and its command"
    expect_json 'map(.row) | unique == ["in-place", "memory", "mutex"]' rows.json
    expect_json 'all(.[]; .figure > 0 and .bar > 0 and (.command | length) > 0)' rows.json
    grep -q '^| in-place | shm' rows.md || complain "expected a table"
}

@test "a table of growth is Markdown" {
    perform depth
    expect_status 0
    [[ $output == "| depth |"*"|---"*"| 1 |"*"| 4 |"* ]] || complain "expected a table"
}

@test "a row that does not exist is bad usage" {
    perform such
    expect_status 2
}
