#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Result files and streams: whole or not at all, and never in the way of what was there.

load helpers

one_cell=(run pipe -p thread:thread "${quick[@]}")

@test "a result file is replaced only once the run is done, and at once" {
    echo old >out.json
    local before
    before=$(stat -c %i out.json)
    start run pipe -p thread:thread --budget 2s --json out.json --progress never
    sleep 0.5
    [ "$(cat out.json)" = old ]
    finish
    expect_status 0
    expect_json "$all_ok" out.json
    [ "$(stat -c %i out.json)" != "$before" ] || complain "the file was written in place"
    [ "$(find . -maxdepth 1 -name '*json*')" = ./out.json ] || complain "left: $(ls -A)"
}

@test "a new result file has the usual permissions" {
    umask 022
    run --separate-stderr weir "${one_cell[@]}" --json out.json
    expect_status 0
    [ "$(stat -c %a out.json)" = 644 ]
}

@test "a result file in a folder that is not there is refused before anything is measured" {
    expect_refused nowhere/out.json -- "${one_cell[@]}" --json nowhere/out.json
}

@test "a result file that is a folder is refused" {
    mkdir out.json
    expect_refused out.json -- "${one_cell[@]}" --json out.json
    [ -d out.json ]
}

@test "a result file in a folder that may not be written is refused" {
    mkdir closed
    chmod 555 closed
    run --separate-stderr weir_in setpriv --reuid=54321 --regid=54321 --clear-groups -- \
        "${one_cell[@]}" --json "$box/closed/out.json"
    [ "$(id -u)" = 0 ] || skip "needs root, to become somebody else"
    expect_status 2
    expect_one_line
    expect_says closed/out.json
}

@test "a device is written to, not replaced" {
    need_root
    mkdir dev
    mknod dev/null c 1 3
    run --separate-stderr weir "${one_cell[@]}" --json dev/null
    expect_status 0
    [ -c dev/null ] || complain "the device was replaced"
}

@test "a full device is an error, and what was measured is still printed" {
    run --separate-stderr weir "${one_cell[@]}" --json /dev/full
    [ "$status" != 0 ]
    expect_says /dev/full
    [[ $output == *pipe* ]] || complain "expected the table"
}

@test "a full disk leaves the old file as it was" {
    need_root
    mkdir small
    cat >in-small <<'SH'
mount -t tmpfs -o size=8k tmpfs small
echo old >small/out.json
head -c 1M /dev/zero >small/filler 2>/dev/null
"$@"
status=$?
cat small/out.json
exit $status
SH
    run --separate-stderr weir_in unshare --mount bash in-small -- "${one_cell[@]}" --json small/out.json
    [ "$status" != 0 ]
    expect_says small/out.json
    [ "${lines[-1]}" = old ] || complain "the old file is gone"
}

@test "a link to a result file stays a link" {
    mkdir elsewhere
    echo old >elsewhere/out.json
    ln -s elsewhere/out.json out.json
    run --separate-stderr weir "${one_cell[@]}" --json out.json
    expect_status 0
    [ -L out.json ] || complain "the link was replaced"
    expect_json "$all_ok" elsewhere/out.json
}

@test "a closed stdout is an error, not a crash" {
    status=0
    weir list >&- 2>err || status=$?
    [ "$status" = 1 ] || [ "$status" = 2 ] || complain "expected an error: $(cat err)"
    status=0
    weir list >/dev/full 2>err || status=$?
    [ "$status" = 1 ] || [ "$status" = 2 ] || complain "expected an error: $(cat err)"
    [ "$(wc -l <err)" = 1 ]
}

@test "a reader that goes away ends the program quietly" {
    run --separate-stderr bash -c '"$WEIR" list | head -1'
    expect_status 0
    [ "${#lines[@]}" = 1 ]
    [ -z "$stderr" ] || complain "expected no complaint"
    run --separate-stderr bash -c '"$WEIR" run pipe -p all --rounds 1 -q --json - | head -c 1'
    expect_status 0
    [ -z "$stderr" ] || complain "expected no complaint"
}

@test "closed stdin and stderr change nothing" {
    run --separate-stderr bash -c '"$WEIR" run pipe shm -p all --rounds 1 --json - <&- 2>&-'
    expect_status 0
    expect_json "$all_ok"
}

@test "what goes to a stdout that takes nothing is told once, help too" {
    for words in '--help' 'run --help' 'run pipe -p thread:thread --rounds 1 -m stream -q --json -'; do
        for closed in '>/dev/full' '>&-'; do
            run --separate-stderr bash -c "\"\$WEIR\" $words $closed"
            expect_status 1
            expect_one_line
            expect_says 'cannot write to stdout'
        done
    done
}

@test "one file under two names is still one file" {
    mkdir folder
    ln -s folder link
    expect_refused 'named twice' -- "${one_cell[@]}" --json out --csv ./out
    expect_refused 'named twice' -- "${one_cell[@]}" --json folder/out --markdown link/out
    printf '[a]\njson = out\n[b]\ncsv = ./out\n' >two.ini
    expect_refused 'is the file of section [a] already' -- --job two.ini
}

@test "a FIFO that nobody reads is an error, not a wait for ever" {
    mkfifo fifo
    limit_s=10 run --separate-stderr weir "${one_cell[@]}" --json fifo -q
    expect_status 1
    expect_one_line
    expect_says "nobody reads from it"
}

@test "a FIFO that is read gets the results" {
    mkfifo fifo
    cat fifo >copy 3>&- &
    run --separate-stderr weir "${one_cell[@]}" --json fifo -q
    expect_status 0
    wait
    expect_json "$all_ok" copy
}
