#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Job files: each section is a run; what is wrong in one is told with file and line before anything is measured.

load helpers

# job LINE…: writes job.ini.
job() {
    printf '%s\n' "$@" >job.ini
}

# same_cells ARGS… -- ARGS…: weir would measure the same with both.
same_cells() {
    local first=()
    while [ "$1" != -- ]; do
        first+=("$1")
        shift
    done
    shift
    weir run --dry-run "${first[@]}" >cells-a
    weir run --dry-run "$@" >cells-b
    [ -s cells-a ] && diff cells-a cells-b
}

@test "a section has the cells of the same options on the command line" {
    job '# a comment' '[one]' 'channel = shm unix,type=stream ; two' 'channel = pipe' '  size = 64,4K' 'size = 8K' \
        'pattern: stream' 'pairing=thread:process' 'wait = block'
    same_cells --job job.ini -- shm unix,type=stream pipe -s 64,4K,8K -m stream -p thread:process --wait block
}

@test "a section without settings is the tour, and each section has its title" {
    job '[one]' '[two]' 'channel = shm' 'pattern = stream' 'pairing = thread:thread'
    run --separate-stderr weir run --job job.ini --dry-run
    expect_status 0
    [ "${lines[0]}" = "[one]" ]
    [ "${lines[1]}" = mutex/thread:thread/64/1x1/stream/raw ]
    [ "${lines[-2]}" = "[two]" ]
    [ "${lines[-1]}" = shm/thread:thread/64/1x1/stream/raw ]
}

@test "what is typed takes the place of the same key in every section" {
    job '[one]' 'size = 64,128' 'channel = shm' '[two]' 'size = 1K' 'pattern = pingpong' 'channel = pipe'
    weir run --dry-run --job job.ini mutex -s 32 -p thread:thread >cells
    diff cells - <<'CELLS'
[one]
mutex/thread:thread/32/1x1/stream/raw
mutex/thread:thread/32/1x1/pingpong/raw

[two]
mutex/thread:thread/32/1x1/pingpong/raw
CELLS
}

@test "every section is measured, and writes its own files" {
    job '[one]' 'channel = pipe' 'json = one.json' '[two]' 'channel = shm' 'json = two.json'
    run --separate-stderr weir run --job job.ini -p thread:thread "${quick[@]}"
    expect_status 0
    [[ $output == "[one]"*pipe*"[two]"*shm* ]] || complain "expected two tables with titles"
    expect_json "$all_ok and (.cells | all(.channel == \"pipe\"))" one.json
    expect_json "$all_ok and (.cells | all(.channel == \"shm\"))" two.json
    [[ $stderr != *"weir 0"*"weir 0"* ]] || complain "the machine was told twice"
}

@test "a section that is skipped or fails does not keep the next from running" {
    job '[one]' 'channel = pipe' 'csv = /dev/full' '[two]' 'channel = shm'
    run --separate-stderr weir run --job job.ini -p thread:thread "${quick[@]}"
    expect_status 1
    expect_says /dev/full
    [[ $output == *"[two]"*shm* ]] || complain "expected the second table"
}

@test "an interrupt ends all sections, and what was measured is kept" {
    job '[one]' 'channel = pipe' 'json = one.json' '[two]' 'channel = shm' 'json = two.json' '[three]'
    start run --job job.ini -p thread:thread --budget 30s --progress never
    wait_for 10 has_workers
    kill -INT "$weir_pid"
    finish
    expect_status 130
    grep -q '2 of 3 sections' err || complain "expected to hear of the other sections: $(cat err)"
    [ -e one.json ] || complain "expected what was measured"
    [ ! -e two.json ] || complain "the second section was begun"
}

@test "what is wrong in a file is told with its line" {
    job '[one]' 'channel = shm' '[two]' 'sizee = 4'
    expect_refused job.ini:4: "'sizee'" "mean 'size'" -- run --job job.ini
    job '' '[one]' 'size = 4Q'
    expect_refused job.ini:3: "'4Q'" -- run --job job.ini
    job '[one]' 'channel = shn'
    expect_refused job.ini:2: "'shn'" "mean 'shm'" -- run --job job.ini
    job '[one]' 'channel ='
    expect_refused job.ini:2: "''" -- run --job job.ini
    job '[one]' 'pin = sideways'
    expect_refused job.ini:2: "'sideways'" -- run --job job.ini
    job '[one]' 'quiet = maybe'
    expect_refused job.ini:2: "'maybe'" yes no -- run --job job.ini
    job '[one]' 'job = other.ini'
    expect_refused job.ini:2: "'job'" -- run --job job.ini
}

@test "what goes wrong with a section as a whole is told with the line of its heading" {
    job '[one]' 'channel = shm' '[two]' 'rounds = 3' 'precision = 2%'
    expect_refused job.ini:3: "[two]" precision -- run --job job.ini
    job '[one]' 'size = 64,64'
    expect_refused job.ini:1: "[one]" twice -- run --job job.ini
    job '[one]' 'json = nowhere/out.json'
    expect_refused job.ini:1: nowhere/out.json -- run --job job.ini
}

@test "a file that is no job file is refused" {
    job
    expect_refused job.ini:1: "[section]" -- run --job job.ini
    job 'size = 4' '[one]'
    expect_refused job.ini:1: "'size'" -- run --job job.ini
    job '[one]' 'shm'
    expect_refused job.ini:2: "name = text" -- run --job job.ini
    job '[one'
    expect_refused job.ini:1: -- run --job job.ini
    job '[one] size = 4'
    expect_refused job.ini:1: "[one]" -- run --job job.ini
    job '[]'
    expect_refused job.ini:1: -- run --job job.ini
    job '[one]' '[two]' '[one]'
    expect_refused job.ini:3: "[one]" "line 1" -- run --job job.ini
    job '[one]' "size = $(seq -s , 1 100)"
    expect_refused job.ini:2: longer -- run --job job.ini
    expect_refused /dev/zero:1: -- run --job /dev/zero
    expect_refused missing.ini -- run --job missing.ini
    expect_refused "$box" directory -- run --job "$box"
}

@test "sections do not write over each other's files" {
    job '[one]' 'json = out' '[two]' 'csv = out'
    expect_refused job.ini:3: "'out'" "[one]" -- run --job job.ini
    job '[one]' 'json = -' '[two]'
    expect_refused job.ini:1: stdout -- run --job job.ini
    job '[one]' '[two]'
    expect_refused --json "2 sections" -- run --job job.ini --json out
    job '[one]'
    run --separate-stderr weir run --job job.ini pipe -p thread:thread --json - "${quick[@]}"
    expect_status 0
    expect_json "$all_ok"
}

@test "--print-job writes a file with the same cells" {
    local options=("unix,type=stream" shm -s "64,1K..8K" -s 100 -w "1x1,2x1" -p all -m stream -k nanopb --wait spin --batch 8
        --pin "none,0+0:0")
    run --separate-stderr weir run "${options[@]}" --budget 3s --precision 2% --seed 7 -q --json out.json --print-job
    expect_status 0
    [ -z "$stderr" ]
    echo "$output" >printed.ini
    same_cells "${options[@]}" -- --job printed.ini
    diff <(weir run --job - --print-job <printed.ini) printed.ini
    local line
    for line in 'budget = 3s' 'precision = 2%' 'seed = 7' 'quiet = yes' 'json = out.json'; do
        grep -qxF "$line" printed.ini || complain "expected $line"
    done
}

@test "--print-job breaks long lists, and refuses what cannot stand in a file" {
    weir run shm -s "$(seq -s , 1 200)" -p thread:thread --print-job >printed.ini
    same_cells shm -s "$(seq -s , 1 200)" -p thread:thread -- --job printed.ini
    expect_refused "'a ;b'" -- run shm --json "a ;b" --print-job
}

@test "--print-job joins a file and what is typed" {
    job '[one]' 'size = 64,128' 'channel = shm' '[two]' 'channel = pipe'
    weir run --job job.ini -s 32 --print-job >printed.ini
    same_cells --job job.ini -s 32 -- --job printed.ini
}

@test "line ends of other systems, a byte order mark and a missing last line end are taken" {
    printf '\xef\xbb\xbf[one]\r\nchannel = shm\r\npattern = stream' >job.ini
    same_cells --job job.ini -- shm -m stream
}

@test "a rate without the pattern paced is told with its section" {
    printf '[one]\nchannel = pipe\n[two]\nrate = 1K\npattern = stream\n' >job.ini
    expect_refused 'job.ini:3: [two]: --rate' -- --job job.ini
}

@test "a FIFO without a writer is refused; one with a writer, or a pipe, is read" {
    mkfifo fifo
    limit_s=5
    expect_refused fifo -- --job fifo
    run --separate-stderr bash -c '"$WEIR" --job <(sleep 0.2; echo "[a]"; echo channel = pipe) --dry-run'
    expect_status 0
    [[ $output == pipe/* ]] || complain "expected the cells"
}
