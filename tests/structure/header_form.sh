#!/bin/sh
# SPDX-License-Identifier: MIT
# sh header_form.sh <root of the project>
# Prints every header that lacks its form, and exits 1 if there is one: licence line, #pragma once, a page in length
# that can be read in one sitting (600 lines), and, for headers people include, a test of the same place and name. The same
# goes for definitions (.ipp), which include the header that they belong to.
set -eu
cd "$1"
bad=0
wrong() {
    echo "$1: $2"
    bad=1
}
for header in $(find include/yoke -name '*.[hi]pp' | LC_ALL=C sort); do
    place=${header#include/yoke/}
    folder=${header#include/}
    [ "$(head -n 1 "$header")" = '// SPDX-License-Identifier: MIT' ] || wrong "$header" 'no licence line at the top'
    [ "$(grep -c '^#pragma once$' "$header")" = 1 ] || wrong "$header" 'not exactly one #pragma once'
    lines=$(wc -l <"$header")
    [ "$lines" -le 600 ] || wrong "$header" "$lines lines; more than 600 want two headers"
    case $place in
    *.ipp) grep -q "^#include <${folder%/*}/[a-z_]*\.hpp>\$" "$header" || wrong "$header" 'no header of its folder' ;;
    detail/* | executor/*/* | algorithm/*/* | adapter/*/* | yoke.hpp) ;;
    */*) [ -e "tests/${place%.hpp}.cpp" ] || wrong "$header" "no test tests/${place%.hpp}.cpp" ;;
    *) [ -e "tests/root/${place%.hpp}.cpp" ] || wrong "$header" "no test tests/root/${place%.hpp}.cpp" ;;
    esac
done
exit $bad
