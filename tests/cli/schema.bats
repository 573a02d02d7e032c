#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What --json writes is what docs/weir.*.schema.json say, and the schemas are tight enough to find damage.

load helpers

brief=(--rounds 2 --progress never -q)

# validate FILE: prints what is wrong with it; its schema says run, limits, doctor, lesson or lessons.
validate() {
    local kind
    kind=$(jq -r '.schema | capture("^weir.(?<kind>run|limits|doctor|lesson)s?/").kind // "run"' "$1" 2>/dev/null)
    /usr/bin/python3 - "$BATS_TEST_DIRNAME/../../docs/weir.${kind:-run}.schema.json" "$1" <<'PYTHON'
import json, sys
from jsonschema import Draft202012Validator
schema, document = (json.load(open(path)) for path in sys.argv[1:])
Draft202012Validator.check_schema(schema)
errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in Draft202012Validator(schema).iter_errors(document)]
print("\n".join(errors[:5]))
sys.exit(bool(errors))
PYTHON
}

setup_file() {
    /usr/bin/python3 -c 'from jsonschema import Draft202012Validator' 2>/dev/null || skip "needs python3-jsonschema"
}

expect_valid() {
    local errors
    errors=$(validate "$1") || complain "$1 does not hold to the schema: $errors"
}

@test "runs of all drivers, pairings, patterns and axes" {
    weir mutex pipe unix shm zmq null -p process:process,thread:thread --json all.json "${brief[@]}" >/dev/null
    expect_valid all.json
    weir shm -p process:thread --batch 1,8 --wait spin,block -k raw,nanopb -m stream --json axes.json "${brief[@]}" >/dev/null
    expect_valid axes.json
    weir shm -p thread:thread -w 1x1,2x1 --access place,copy --json access.json "${brief[@]}" >/dev/null
    expect_valid access.json
    weir pipe -m stream --rounds 30 -q --json rounds.json >/dev/null
    expect_valid rounds.json
    expect_json '.cells[0].cost_ns | .lo != null and (.rounds | length) == 30' rounds.json
}

@test "rates, and one that is not reached" {
    weir pipe shm -p thread:thread -m paced,stream -r 500,100M -s 8,64 --json paced.json "${brief[@]}" >/dev/null
    expect_json '[.cells[] | select(.rate.saturated) | .cost_ns] | length > 0 and all(. == null)' paced.json
    expect_valid paced.json
}

@test "cells that are skipped or fail" {
    weir pipe -s 1,64 -k nanopb -p thread:thread --json skipped.json "${brief[@]}" >/dev/null
    expect_json 'any(.cells[]; .status == "skipped")' skipped.json
    expect_valid skipped.json
    WEIR_DRIVER_PATH=$WEIR_BUILD/tests/modules run weir fault,of=shm,kind=drop,every=50 -p thread:thread -m stream --json failed.json "${brief[@]}"
    expect_json 'any(.cells[]; .status == "failed")' failed.json
    expect_valid failed.json
}

@test "an interrupted run" {
    start run pipe -m stream --budget 20s -q --json out.json
    wait_for 10 has_workers 2
    sleep 1
    kill -INT "$weir_pid"
    finish
    expect_json '.interrupted' out.json
    expect_valid out.json
}

@test "comparisons, live and of files" {
    weir compare pipe unix -p all --json live.json "${brief[@]}" >/dev/null
    expect_valid live.json
    weir compare pipe unix -m stream --rounds 12 -q --json live.json >/dev/null
    expect_json '.comparisons[0].lo != null' live.json
    expect_valid live.json
    weir compare live.json live.json -q --json files.json >/dev/null
    expect_json '.compared.resamples > 0 and (.comparisons | length) == 2' files.json
    expect_valid files.json
}

@test "two regimes" {
    weir pipe -m stream -p process:process --json run.json "${brief[@]}" >/dev/null
    jq '.design.regimes = [{"name": "near", "line_ns": 185.5, "rounds": 1}, {"name": "far", "line_ns": 800, "rounds": 1}] |
        .design.rounds_list[0].regime = "near" | .design.rounds_list[1].regime = "far" |
        .cells[0].cost_ns.regimes = [{"name": "near", "median": 1, "lo": null, "hi": null, "rounds": 1}]' run.json >two.json
    expect_valid two.json
}

@test "damage is found" {
    weir pipe -m stream -p process:process --json run.json "${brief[@]}" >/dev/null
    expect_valid run.json
    local filter
    for filter in '.schema = "weir.run/2"' 'del(.seed)' '.extra = 1' '.cells[0].extra = 1' '.seed = 1.5' \
        '.wall_s = "1"' '.cells[0].cost_ns.rounds[0] = 0' '.cells[0].cost_ns.rounds = []' \
        '.cells[0].status = "failed"' '.cells[0].pairing = "here:there"' '.cells[0].size = 0' \
        'del(.cells[0].integrity.lost)' '.env.clock.source = "sundial"' '.design.noise_floor = -1' \
        '.design.order[0][0] = -1' '.comparisons = [{}]' '.started = "yesterday"' '.compared = {}' \
        '.cells[0].latency_ns = {}' '.cells[0].limit = 7' '.cells[0].access = "swap"' '.cells[0].fairness = {"least_share": 2}'; do
        jq "$filter" run.json >damaged.json
        ! validate damaged.json >errors || complain "not found: $filter"
        [ -s errors ] || complain "no message: $filter"
    done
}

@test "limits and the doctor" {
    local filter
    weir limits line create --budget 300ms -q --json limits.json >/dev/null
    expect_valid limits.json
    weir doctor -q --json doctor.json >/dev/null
    expect_valid doctor.json
    for filter in '.limits[0].unit = "s"' '.limits[0].median = -1' 'del(.limits[0].n)' '.limits[0].cpus = [0, 1, 2]' \
        '.extra = 1' 'del(.env)' '.schema = "weir.limits/2"'; do
        jq "$filter" limits.json >damaged.json
        ! validate damaged.json >errors || complain "not found: $filter"
    done
    for filter in '.checks[0].state = "bad"' '.checks[0] |= (.state = "warning" | .fix = null)' \
        '.checks[0] |= (.state = "ok" | .fix = "pray")' 'del(.tool)' '.schema = "weir.doctor/2"'; do
        jq "$filter" doctor.json >damaged.json
        ! validate damaged.json >errors || complain "not found: $filter"
    done
}

@test "lessons: one, one that cannot be held, all, and damage" {
    local filter
    weir lesson lock --no-input --predict waits --budget 1ms --progress never --json lesson.json >/dev/null
    expect_json '.predicted == "waits" and .cannot == null' lesson.json
    expect_valid lesson.json
    run weir_in taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')" -- lesson sharing --no-input --json cannot.json
    expect_status 77
    expect_valid cannot.json
    jq -n '[inputs] | {schema: "weir.lessons/1", tool: .[0].tool, env: .[0].env, lessons: map(del(.tool, .env))}' \
        lesson.json cannot.json >all.json
    expect_valid all.json
    for filter in '.schema = "weir.lesson/2"' 'del(.env)' '.extra = 1' '.verdict = "perhaps"' '.verdict = null' \
        '.measured = null' '.measured |= map_values(.freed = "yes")' '.measured |= map_values({})' '.measured = {}' \
        '.rounds = 0' '.cannot = "it is late"' '.predicted = ""' 'del(.claim)' '.lesson = 7' '.figure = ""'; do
        jq "$filter" lesson.json >damaged.json
        ! validate damaged.json >errors || complain "not found: $filter"
        [ -s errors ] || complain "no message: $filter"
    done
    for filter in '.lessons = []' '.lessons[0].extra = 1' '.lessons[1].verdict = "holds"' '.lesson = "lock"' \
        'del(.tool)' '.lessons[0].tool = .tool'; do
        jq "$filter" all.json >damaged.json
        ! validate damaged.json >errors || complain "not found: $filter"
    done
}

@test "the schemas say the same of what they share" {
    local docs=$BATS_TEST_DIRNAME/../../docs shared='."$defs" | {tool, env}'
    for kind in limits doctor lesson; do
        [ "$(jq -c "$shared" "$docs/weir.run.schema.json")" = "$(jq -c "$shared" "$docs/weir.$kind.schema.json")" ] ||
            complain "$kind has other definitions"
    done
}
