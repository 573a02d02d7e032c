#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# models.sh [MODEL]: checks the models of the doorbells and of the watch with spin(1) (Debian package spin), and that
# each step of the protocols which is left out is reported. Run by hand after each change of channels/bell.* or
# channels/watch.c; takes some minutes and up to 2.5 GB of memory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
only=${1:-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
failed=0

# check MODEL WANTED DEFINE…: WANTED is "holds" or "reported".
check() {
    local model=$1 wanted=$2 found states
    shift 2
    [ -z "$only" ] || [ "$only" = "$model" ] || return 0
    cp "$here/$model.pml" .
    spin -a "${@/#/-D}" "$model.pml" >spin.log
    cc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=2500 -o pan pan.c
    ./pan -E -m1000000 >pan.log
    states=$(awk '/states, stored/ { print $1 }' pan.log)
    if grep -q 'Search not completed' pan.log && ! grep -q 'errors: [1-9]' pan.log; then
        found='not finished'
    elif grep -q 'errors: 0' pan.log; then
        found=holds
    else
        found=reported
    fi
    printf '%-6s %-36s %-13s %9s states\n' "$model" "${*:-}" "$found" "$states"
    [ "$found" = "$wanted" ] || { printf '       expected: %s\n' "$wanted"; failed=1; }
}

for one in 0 1; do
    check bell holds ONE=$one BOTH=1
    check bell holds ONE=$one BOTH=1 POLLS=1
    check bell holds ONE=$one FIRST=1
    check bell holds ONE=$one FIRST=1 POLLS=1
    for step in NO_LOOK LATE_SEEN NO_RINGS NO_WAKER_FENCE; do
        check bell reported ONE=$one BOTH=1 $step
    done
    for step in NO_BARRIER NO_WAKER_FENCE NO_RELOOK KEEP_SETTLED NO_CHECK EARLY_SETTLE; do
        check bell reported ONE=$one $step
    done
done
check bell reported ONE=1 BOTH=1 NO_COUNT
check bell reported ONE=0 BOTH=1 WAKE_FIRST
check bell reported BOTH=1 POLLS=1 NO_POLL_LOOK
check bell reported BOTH=1 POLLS=1 LATE_DRAIN
check watch holds
for step in OTHER_ROLE_ONLY NO_TELL NO_STIR NO_VALUES NO_SECOND_LOOK; do
    check watch reported $step
done
exit $failed
