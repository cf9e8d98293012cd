#!/bin/sh
# SPDX-License-Identifier: MIT
# promises.sh <source folder>: each test case that include/yoke/README.md names exists.
set -eu
cd "$1"
missing=0
rows=$(mktemp)
grep -E '^\| .* \| ([a-z_]+/)+[a-z_]+\.cpp: .* \|$' include/yoke/README.md >"$rows" || :
[ -s "$rows" ] || { echo "include/yoke/README.md names no test"; rm -f "$rows"; exit 1; }
while IFS= read -r row; do
    cell=${row% |}
    cell=${cell##* | }
    file=tests/${cell%%: *}
    name=${cell#*: }
    # A long name stands in the source in pieces; joined, it reads as here.
    if ! tr -d '\n' <"$file" 2>/dev/null | sed 's/"  *"//g; s/TEST_CASE( *"/TEST_CASE("/g' | grep -qF "TEST_CASE(\"$name\""; then
        echo "include/yoke/README.md: there is no test case \"$name\" in $file"
        missing=1
    fi
done <"$rows"
rm -f "$rows"
exit $missing
