#!/bin/sh
# SPDX-License-Identifier: MIT
# promises.sh <source folder>: each test case that include/yoke/README.md names exists, and no test case has a semicolon in
# its name: CMake would make two tests of it, each of which runs nothing.
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
for file in $(find tests -name '*.cpp'); do
    if tr '\n' ' ' <"$file" | sed 's/"  *"//g' | grep -oE 'TEST_CASE[A-Z_]*\( *"[^"]*;[^"]*"'; then
        echo "$file: the name of a test case has a semicolon"
        missing=1
    fi
done
exit $missing
