#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The course in docs/guide: it has every lesson, its commands can be typed, and its programs compile. (tests/quotes.sh
# looks at what it quotes.)

load helpers

guide=$BATS_TEST_DIRNAME/../../docs/guide
lessons=$BATS_TEST_DIRNAME/../../bench/lessons

@test "each lesson has its part in one sitting" {
    local name
    for name in $(weir lesson | awk '$3 == "s" { print $1 }'); do
        [ "$(grep -l "^## \`$name\`" "$guide"/[1-9]-*.md | wc -l)" = 1 ] || complain "the lesson $name is in no sitting, or in two"
        grep -q "\`weir lesson $name\`" "$guide"/[1-9]-*.md || complain "nobody is told to run the lesson $name"
    done
}

# Those of the guide, and those that lessons end with.
commands() {
    grep -ohE '`weir [a-z][^`]*`|"weir [a-z][^"]*"' "$guide"/*.md "$lessons"/*.c | tr -d '`"' | sort -u |
        grep -vE 'NAME|letterbox|^weir lesson all'
}

@test "the commands of the guide, and those that lessons end with, can be typed" {
    local command brief words
    [ "$(commands | wc -l)" -gt 30 ] || complain "expected more commands"
    while read -r command; do
        read -ra words <<<"$command"
        case ${words[1]} in
        lesson) brief=(--no-input --budget 1ms --progress never) ;;
        run | compare) brief=(--rounds 1 --progress never) ;;
        limits) brief=(--budget 100ms --progress never) ;;
        *) brief=() ;;
        esac
        [ "$command" != "weir lesson" ] || brief=()
        run --separate-stderr weir "${words[@]:1}" "${brief[@]}"
        [ "$status" = 0 ] || { [ "$status" = 77 ] && [ "$(nproc)" = 1 ]; } || complain "$command"
        [[ ! $output =~ [^a-z]nan[^a-z] ]] || complain "$command says nan"
    done < <(commands)
}

@test "the programs in the guide compile, and run" {
    local page count=0 program
    for page in "$guide"/*.md; do
        awk -v stem="$(basename "$page" .md)" '
            /^```c$/ { file = stem "-" ++n ".c"; inside = 1; next }
            /^```$/ { inside = 0 }
            inside { print >file }' "$page"
    done
    for program in *.c; do
        grep -q '^int main' "$program" || continue
        cc -Wall -Wextra -Werror -o program "$program" || complain "$program does not compile"
        run ./program
        expect_status 0
        count=$((count + 1))
    done
    [ "$count" -ge 1 ] || complain "expected a program"
    [[ $output == *"child:  n = 2"*"parent: n = 1"* ]] || complain "expected two values of n"
}
