#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Completion: the script is sourced and asked as bash would ask it.

load helpers

# answers LINE [WORD…]: what bash is told when tab is pressed at the end of LINE is just these words, in any order.
answers() {
    # shellcheck disable=SC2034,SC2178,SC2128 # for the script
    local COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \t\n"\'><=;|&(:' COMPREPLY=()
    shift
    _weir "$WEIR"
    diff <(printf '%s\n' "$@" | sort) <(printf '%s\n' "${COMPREPLY[@]}" | sort)
}

# offers LINE WORD…: these words are among the answers.
offers() {
    local COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \t\n"\'><=;|&(:' COMPREPLY=() word
    shift
    _weir "$WEIR"
    for word; do
        [[ " ${COMPREPLY[*]} " == *" $word "* ]] || complain "'$word' is not among ${COMPREPLY[*]}"
    done
}

load_script() {
    weir completion bash >weir.bash
    # shellcheck disable=SC1091 # just written
    source ./weir.bash
}

@test "the script is good bash, and binds itself" {
    load_script
    [[ $(complete -p weir) == *"-F _weir"* ]]
    command -v shellcheck >/dev/null || skip "needs shellcheck for the rest"
    shellcheck weir.bash
}

@test "commands, channels and options stand in the first place" {
    load_script
    offers "weir " run list limits doctor compare shm pipe zmq
    answers "weir lis" list
    answers "weir sh" shm
    offers "weir --" --size --version --help
}

@test "every long option of every help is offered" {
    load_script
    local command option
    for command in $_weir_commands; do
        weir "$command" --help >help
        while read -r option; do
            offers "weir $command $option" "$option"
        done < <(grep -oE '^ +(-., )?(--[a-z-]+)' help | grep -oE -- '--[a-z-]+')
    done
    answers "weir run --pri" --print-job
    answers "weir list --pri"
}

@test "values that are words are offered, for long and short options, in lists too" {
    load_script
    answers "weir run --codec " raw nanopb
    answers "weir run -k n" nanopb
    answers "weir run -k raw,n" raw,nanopb
    answers "weir shm -m stream,p" stream,pingpong stream,paced
    answers "weir run --wait s" spin
    answers "weir run --access p" place
    answers "weir run --color=a" auto always
    answers "weir run --wait=block,sp" block,spin
    answers "weir run -s "
    answers "weir run --rounds=1"
}

@test "words with colons go on where bash broke them" {
    load_script
    answers "weir run -p thread:" thread process
    answers "weir run -p thread:p" process
    answers "weir run -p pro" process:thread process:process
    answers "weir run --pairing=thread:process,pro" process,process:thread process,process:process
}

@test "lessons are offered" {
    load_script
    answers "weir less" lesson
    answers "weir lesson s" speed spawn switch sharing
    offers "weir lesson " race all
    offers "weir lesson race --" --predict --no-input
}

@test "channels are offered with the options that the driver has" {
    load_script
    answers "weir run un" unix
    answers "weir run pipe sh" shm
    answers "weir list mu" mutex
    answers "weir run shm,b" shm,backing=posix shm,backing=memfd
    answers "weir run shm,backing=m" memfd
    answers "weir run shm,wait=spin,c" spin,capacity=
}

@test "files are offered where a file is wanted" {
    load_script
    touch "out one.json" out.csv
    answers "weir run --json out" "out one.json" out.csv
    answers "weir run --csv=out." out.csv
    answers "weir run --job missing"
}

@test "completion is for bash" {
    expect_refused "'fish'" bash -- completion fish
    expect_refused bash -- completion
}
