#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Latencies: round trips, messages sent at a fixed rate, and rates that a channel cannot keep up with. Shapes only, no
# times: the machine may be busy.

load helpers

# The histogram holds what n says, and what can be told from so many is told and in order.
sound='def sound: .max as $max | (.histogram.counts | map(.[1]) | add) == .n and .min <= .max and .below_zero == 0 and
    (.histogram.counts | map(.[0])) == (.histogram.counts | map(.[0]) | sort) and
    ([.p50, .p90, .p99, .p999] | map(values)) as $p | ($p | sort) == $p and all($p[]; . <= $max) and
    (.p50 != null) == (.n >= 20) and (.p90 != null) == (.n >= 100) and (.p99 != null) == (.n >= 1000) and
    (.p999 != null) == (.n >= 10000)'

@test "pingpong: each round trip of a window of its own is timed" {
    run --separate-stderr weir run pipe shm null -m pingpong -p all --rounds 2 --json - -q
    expect_status 0
    expect_json "$all_ok"
    expect_json "$sound; all(.cells[].latency_ns; .kind == \"round_trip\" and .uncorrected == null and .n > 2 and sound)"
    expect_json 'all(.cells[]; .rate == null)'
}

@test "pingpong with several workers" {
    run --separate-stderr weir run pipe shm -m pingpong -p thread:thread,process:process -w 2x2,3x1,1x2 --rounds 1 --json - -q
    expect_status 0
    expect_json "$all_ok"
    expect_json "$sound; all(.cells[].latency_ns; sound)"
}

@test "stream has no latency and no rate" {
    run --separate-stderr weir run pipe -p thread:thread "${quick[@]}" --json - -q
    expect_json '.cells[0] | has("latency_ns") and .latency_ns == null and has("rate") and .rate == null'
}

@test "paced: every message is in both histograms" {
    run --separate-stderr weir run pipe shm -r 2K -p thread:thread,process:process -w 1x1,2x1 --rounds 2 --json - -q
    expect_status 0
    expect_json "$all_ok"
    expect_json '(.cells | length) == 8 and all(.cells[]; .pattern == "paced" and .rate.asked == 2000)'
    # Two rounds of 50 ms each.
    expect_json "$sound; all(.cells[].latency_ns; .kind == \"one_way\" and .n == 200 and sound and
        (.uncorrected | .n == 200 and sound))"
    expect_json 'all(.cells[].latency_ns; .max >= .uncorrected.max and .mean >= .uncorrected.mean)'
    expect_json 'all(.cells[]; .cpu_ns.total > 0)'
}

@test "rates are an axis of paced cells only" {
    expect_refused twice rate=4000 -- run pipe -r 4K,1K..4K -p thread:process
    run --separate-stderr weir run pipe -m paced,stream,pingpong -r 1K..16K*4 -p thread:process -s 64,128 --dry-run
    expect_status 0
    [ "$(grep -c /stream/ <<<"$output")" = 2 ] || complain "expected 2 streams"
    [ "$(grep -c /pingpong/ <<<"$output")" = 2 ] || complain "expected 2 pingpongs"
    [ "$(grep -c /paced/ <<<"$output")" = 6 ] || complain "expected 3 rates of 2 sizes"
    [[ $output == *"/rate=1000"* && $output == *"/rate=4000"* && $output == *"/rate=16000"* ]] || complain "expected K to be 1000"
}

@test "paced without a rate has one; a rate without a pattern is paced" {
    run --separate-stderr weir run pipe -m paced -p thread:thread --dry-run
    [ "$output" = pipe/thread:thread/64/1x1/paced/raw/rate=10000 ] || complain "expected 10000/s"
    run --separate-stderr weir run pipe -r 500 -p thread:thread --dry-run
    [ "$output" = pipe/thread:thread/64/1x1/paced/raw/rate=500 ] || complain "expected one paced cell"
}

@test "rates that are none, and a rate for nothing" {
    local rate
    for rate in 0 x -5 1.5 1K..1 1K..4K*1 2..64K*9223372036854775808 1G "1K," 10%; do
        expect_refused "$rate" -- run pipe "--rate=$rate"
    done
    expect_refused --rate paced -- run pipe -m stream -r 1K
    expect_refused --rate paced -- run pipe -m stream,pingpong -r 1K
}

@test "paced: what cannot be is skipped, with the reason" {
    run --separate-stderr weir run pipe -r 1K -s 8,31,32 -p thread:thread --rounds 1 --json - -q
    expect_status 0
    expect_json '[.cells[] | .status] == ["skipped", "skipped", "ok"]'
    expect_json 'all(.cells[] | select(.status == "skipped"); (.reason | test("no room")) and .latency_ns == null)'
    run --separate-stderr weir run null pipe -r 3 -w 4x1 -p thread:thread --rounds 1 --json - -q
    expect_json 'all(.cells[]; .status == "skipped" and (.reason | test("4 producers")))'
    run --separate-stderr weir run null -r 1K -p thread:thread --rounds 1 --json - -q
    expect_json '.cells[0] | .status == "skipped" and (.reason | test("carries nothing"))'
}

# csv_column NAME: what the last row of out.csv holds there.
csv_column() {
    awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) column = i } END { print $column }' out.csv
}

@test "a rate that nobody reaches is labelled saturated" {
    run --separate-stderr weir run pipe -r 1K,100M -p process:process --rounds 1 --json out.json --csv out.csv
    expect_status 0
    expect_json "$all_ok" out.json
    expect_json '.cells[1] | .rate.asked == 100000000 and .rate.saturated and .rate.achieved < 50000000 and
        .cost_ns == null and .latency_ns.p99 != null' out.json
    [[ $output == *[0-9KM]"*"\ *"*: saturated"* ]] || complain "expected a mark"
    [ "$(csv_column rate)" = 100000000 ] && [ "$(csv_column saturated)" = true ] || complain "expected the rate"
    [ -z "$(csv_column cost_ns)" ] && [ -n "$(csv_column p99_ns)" ] || complain "expected a latency and no cost"
    run --separate-stderr weir run pipe -r 1K,100M -p process:process --rounds 1 --markdown - -q
    [[ $output == *"| RATE/s | GOT/s | p50 |"*"100M | "*"* |"* ]] || complain "expected a mark"
}

@test "a slow rate ends, and is not saturated" {
    run --separate-stderr weir run pipe shm -r 1 -p thread:thread --rounds 1 --json - -q
    expect_status 0
    expect_json "$all_ok"
    expect_json 'all(.cells[]; .rate.saturated == false and .latency_ns.n == 2 and .latency_ns.p50 == null)'
}

@test "a table of latencies fits 80 columns" {
    run --separate-stderr weir run mutex pipe unix,type=stream -r 1K,100M -p all --rounds 1 -q
    expect_status 0
    [[ $output == *"p99.9"*"SENT p99"* ]] || complain "expected a table of latencies"
    [ "$(wc -L <<<"$output")" -le 80 ] || complain "wider than 80 columns"
}

@test "a consumer that stops shows from when messages were due, not from when they were sent" {
    # With room for few messages the producer stops too: what it sends late was not sent when it was due. A stop may
    # come too early or too late to meet messages, so several may be needed.
    local tries=0 late='def late: [.histogram.counts[] | select(.[0] > 50000000) | .[1]] | add // 0'
    until [ "$tries" -gt 0 ] && jq -e "$late; .cells[0].latency_ns | late >= 8 and late >= 3 * (.uncorrected | late)" out.json >&2; do
        tries=$((tries + 1))
        [ "$tries" -le 15 ] || complain "no stop showed: $(jq -c "$late; .cells[0].latency_ns | [late, (.uncorrected | late)]" out.json)"
        start run pipe -r 100 -d 2 -s 4K -p process:process --rounds 2 --json out.json -q
        until has_ended; do stop_consumer || true; done
        finish
        expect_status 0
        expect_json "$all_ok" out.json
        expect_json '.cells[0].latency_ns | .n == 40 and .uncorrected.n == 40' out.json
    done
}

# Stops the consumer of an epoch for 200 ms; fails if there is none at the moment.
stop_consumer() {
    local pid
    for pid in $(pgrep -x consumer); do
        grep -qzxF "WEIR_CLI_TEST=$WEIR_CLI_TEST" "/proc/$pid/environ" 2>/dev/null || continue
        sleep 0.02 # into the epoch
        kill -STOP "$pid" 2>/dev/null || continue
        sleep 0.2
        kill -CONT "$pid"
        return
    done
    return 1
}
