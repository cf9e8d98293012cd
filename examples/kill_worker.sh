#!/bin/sh
# SPDX-License-Identifier: MIT
# Kills a worker process of an example while it works, and looks at how the example ends.
#
#     kill_worker.sh error|result NTH PROGRAM ARGUMENT...
#
# PROGRAM runs with --show-work, with which each worker says on stderr "worker <pid> begins <what>". The worker that says
# it as the NTH is killed, at what it says last. Then the program must end
#   error:  with an exit code that is not 0 and one line on stderr, which names <what>;
#   result: with exit code 0 and the serial result;
# and in either case no process of it may be left.
set -u

expected=$1
nth=$2
program=$3
shift 3

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
copy=$folder/$(basename "$program") # a path of its own tells our processes from those of other tests
cp "$program" "$copy"

fail() {
    echo "FAILED: $1"
    echo "--- stdout"
    cat "$folder/out"
    echo "--- stderr"
    cat "$folder/err"
    kill -KILL "$main" 2>/dev/null
    exit 1
}

processes() {
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/exe")" = "$copy" ] && echo "${process#/proc/}"
    done
}

"$copy" --show-work "$@" >"$folder/out" 2>"$folder/err" &
main=$!

worker=
while [ -z "$worker" ]; do
    kill -0 "$main" 2>/dev/null || fail "the program ended before a worker began number $nth"
    worker=$(sed -n 's/^worker \([0-9]*\) begins .*\.$/\1/p' "$folder/err" | sed -n "${nth}p")
    [ -n "$worker" ] || sleep 0.02
done
kill -KILL "$worker" || fail "worker $worker was gone"
what=$(sed -n "s/^worker $worker begins \(.*\)\.\$/\1/p" "$folder/err" | tail -n 1)

wait "$main"
code=$?
grep -v '^worker [0-9]* begins ' "$folder/err" >"$folder/complaint"

case $expected in
error)
    [ "$code" -ne 0 ] || fail "the exit code is 0 although $what was lost"
    [ "$(wc -l <"$folder/complaint")" -eq 1 ] || fail "not one line on stderr"
    grep -qwF -- "$what" "$folder/complaint" || fail "the error does not name $what"
    ;;
result)
    [ "$code" -eq 0 ] || fail "exit code $code"
    grep -q 'equals the serial result$' "$folder/out" || fail "no serial result"
    [ "$(grep -c " begins $what\.\$" "$folder/err")" -ge 2 ] || fail "$what was not begun again"
    ;;
esac

tries=0
while [ -n "$(processes)" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 250 ] || fail "left over: $(processes)"
    sleep 0.02
done
echo "killed worker $worker at $what: $(cat "$folder/complaint")"
tail -n 1 "$folder/out"
