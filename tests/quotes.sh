#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the documents quote stands in the programs: each fenced block whose first line names a file ("```c examples/x.c")
# is found in that file, whole lines of it, one after the other.
#
#   quotes.sh ROOT
#   quotes.sh --self-test
set -euo pipefail

# check ROOT DOCUMENT…: prints "DOCUMENT:LINE: what is wrong" for each bad quote; fails if there is one, or no quote.
check() {
    local root=$1
    shift
    awk -v root="$root" '
        function whole(path,    line, text) { # the file, with a line break before each line; "" if there is none
            while ((getline line <path) > 0)
                text = text "\n" line
            close(path)
            return text == "" ? "" : text "\n"
        }
        function judge(    text) {
            quotes++
            text = whole(root "/" file)
            if (text == "")
                complaint = "there is no file " file
            else if (block == "\n")
                complaint = "the quote of " file " is empty"
            else
                complaint = index(text, block) > 0 ? "" : "this is not in " file
            if (complaint != "") {
                print FILENAME ":" begin ": " complaint
                bad++
            }
        }
        FNR == 1 { inside = 0 }
        !inside && /^```/ { inside = 1; file = NF == 2 ? $2 : ""; block = "\n"; begin = FNR; next }
        !inside && /^ +```[a-z]* ./ { print FILENAME ":" FNR ": a quote begins in the first column"; bad++ }
        inside && /^```$/ { inside = 0; if (file != "") judge(); next }
        inside { block = block $0 "\n" }
        END {
            if (quotes == 0)
                print "there is no quote"
            exit bad > 0 || quotes == 0
        }' "$@"
}

self_test() {
    local text
    box=$(mktemp -d)
    trap 'rm -rf "$box"' EXIT
    printf 'int a;\n    int b;\nint c;\n' >"$box/x.c"
    document() {
        # shellcheck disable=SC2016 # the marks of a block
        printf 'Words.\n\n```\nfree\n```\n\n```c %s\n%s\n```\n' "$1" "$2" >"$box/page.md"
    }
    for text in 'int a;' $'int a;\n    int b;' $'    int b;\nint c;'; do
        document x.c "$text"
        check "$box" "$box/page.md" >/dev/null || { echo "a good quote was refused: $text"; return 1; }
    done
    for text in 'int d;' 'int b;' $'int a;\nint c;' 'int'; do
        document x.c "$text"
        ! check "$box" "$box/page.md" >/dev/null || { echo "a bad quote was taken: $text"; return 1; }
    done
    document y.c 'int a;'
    ! check "$box" "$box/page.md" >/dev/null || { echo "a file that is not there was taken"; return 1; }
    document x.c 'int a;'
    sed -i 's/^```c/  &/' "$box/page.md"
    ! check "$box" "$box/page.md" >/dev/null || { echo "an indented quote was passed over"; return 1; }
    printf 'Words.\n' >"$box/page.md"
    ! check "$box" "$box/page.md" >/dev/null || { echo "no quote at all was taken"; return 1; }
}

if [ "$1" = --self-test ]; then
    self_test
else
    cd "$1"
    mapfile -t documents < <(find README.md docs -name '*.md')
    check . "${documents[@]}"
fi
