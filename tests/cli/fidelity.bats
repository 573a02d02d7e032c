#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# That the proofs of tests/fidelity can be made at all: a quick one with wide bounds, which proves nothing about weir,
# and the same on something broken, which must fail.

load helpers

prove() {
    command -v python3 >/dev/null || skip "needs python3"
    strace true 2>/dev/null || skip "needs strace, and to be allowed to trace"
    run --separate-stderr "$BATS_TEST_DIRNAME/../fidelity/run" "$WEIR_BUILD" --quick --json proofs.json "$@"
}

@test "a proof is made, with figures" {
    prove floor
    expect_status 0
    expect_json '.proofs | length == 1 and all(.passed and (.rows | length) > 0)' proofs.json
}

@test "a proof fails on what is broken" {
    prove floor --broken
    expect_status 0
    expect_json '.proofs | length == 1 and all(.passed | not)' proofs.json
}

@test "a proof that does not exist is bad usage" {
    prove such
    expect_status 2
}
