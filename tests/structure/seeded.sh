#!/bin/sh
# SPDX-License-Identifier: MIT
# sh seeded.sh <root of the project> <folder to work in>
# Checks the checks: spoils copies of the tree in one place each and expects the check to name that place.
set -eu
root=$1
work=$2
here=$(dirname "$0")
failed=0

# copy: a fresh copy of what the checks look at
copy() {
    rm -rf "$work"
    mkdir -p "$work"
    cp -R "$root/include" "$root/tests" "$work/"
}

# expect <check> <argument below the copy> <file> <spoilt text> <words the check must print>
expect() {
    if output=$(sh "$here/$1.sh" "$work/$2"); then
        echo "$1 accepted $3 with: $4"
        failed=1
    elif ! printf '%s\n' "$output" | grep -qF "$5"; then
        echo "$1 did not say \"$5\" about $3"
        printf '%s\n' "$output"
        failed=1
    fi
}

# spoil ...: the same, with the text appended to the file in a fresh copy first
spoil() {
    copy
    mkdir -p "$(dirname "$work/$3")"
    printf '%s\n' "$4" >>"$work/$3"
    expect "$@"
}

includes() { spoil include_direction include "include/yoke/$1" "#include $2" "$3"; }
includes detail/base/config.hpp '<yoke/concept/executor.hpp>' 'detail/base/config.hpp includes <yoke/concept/executor.hpp>: runs up'
includes error.hpp '<yoke/future.hpp>' 'error.hpp includes <yoke/future.hpp>: runs up'
includes concept/executor.hpp ' <yoke/runtime.hpp>  // for runtime' 'concept/executor.hpp includes <yoke/runtime.hpp>: runs up'
includes future.hpp '<yoke/queue/bounded_queue.hpp>' 'runs up, from layer 3 to layer 4'
includes queue/spoilt.hpp '<yoke/executor/thread_pool.hpp>' 'runs up, from layer 4 to layer 5'
includes executor/spoilt.hpp '<yoke/algorithm/map.hpp>' 'executor/ and algorithm/ never meet'
includes algorithm/spoilt.hpp '<yoke/executor/thread_pool.hpp>' 'executor/ and algorithm/ never meet'
includes executor/spoilt.hpp '<yoke/adapter/sqlite.hpp>' 'runs up, from layer 5 to layer 6'
includes adapter/spoilt.hpp '<yoke/adapter/sqlite.hpp>' 'adapters do not know each other'
includes adapter/cereal.hpp '<yoke/adapter/sqlite/connection.hpp>' 'adapters do not know each other'
includes adapter/spoilt.hpp '<yoke/yoke.hpp>' 'runs up, from layer 6 to layer 7'
includes yoke.hpp '<yoke/adapter/sqlite.hpp>' 'yoke.hpp holds no adapter'
includes algorithm/spoilt.hpp '<sqlite3.h>' 'a third-party header below adapter/'
includes detail/spoilt.hpp '<tbb/task_arena.h>' 'a third-party header below adapter/'
includes detail/spoilt.hpp '"config.hpp"' 'includes are written <yoke/...>'
includes executor/process/core.hpp '<yoke/executor/thread/core.hpp>' 'that folder is private to executor/'
includes algorithm/loop/spoilt.hpp '<yoke/algorithm/pipeline/run.hpp>' 'that folder is private to algorithm/'
includes detail/base/config.hpp '<yoke/detail/os/cpu_count.hpp>' 'runs up within detail/'
includes detail/process/host.hpp '<yoke/detail/future/state.hpp>' 'detail/future/ and detail/process/ never meet'
includes elsewhere/spoilt.hpp '<vector>' 'is in no layer'
includes error.hpp '<yoke/elsewhere/thing.hpp>' 'is in no layer'
includes detail/base/config.hpp '<yoke/detail/base/config.hpp>' 'includes itself'
includes error.hpp '<yoke/executor/process/core.ipp>' 'definitions are included by a header of their folder only'
includes executor/process/core.ipp '<yoke/executor/process/worker.ipp>' 'definitions are included by a header of their folder only'
includes executor/process/core.ipp '<yoke/algorithm/map.hpp>' 'executor/ and algorithm/ never meet'
spoil exceptions_cross include include/yoke/error.hpp 'class new_error : public error {' 'yoke::new_error of error.hpp is not in known'

copy
printf '#include <yoke/detail/spoilt_too.hpp>\n' >"$work/include/yoke/detail/spoilt.hpp"
printf '#include <yoke/detail/spoilt.hpp>\n' >"$work/include/yoke/detail/spoilt_too.hpp"
expect include_direction include detail/spoilt.hpp 'two headers that include each other' 'cycle: ->'

form() { spoil header_form . "include/yoke/$1" "$2" "$3"; }
form detail/spoilt.hpp '#pragma once' 'include/yoke/detail/spoilt.hpp: no licence line at the top'
form detail/spoilt.hpp '// SPDX-License-Identifier: MIT' 'include/yoke/detail/spoilt.hpp: not exactly one #pragma once'
form executor/spoilt.hpp '#pragma once' 'include/yoke/executor/spoilt.hpp: no test tests/executor/spoilt.cpp'
form spoilt.hpp '#pragma once' 'include/yoke/spoilt.hpp: no test tests/root/spoilt.cpp'
form detail/base/spoilt.ipp '#pragma once' 'include/yoke/detail/base/spoilt.ipp: no header of its folder'
form error.hpp "$(awk 'BEGIN { for (i = 0; i < 600; i++) print "//" }')" 'lines; more than 600 want two headers'

rm -rf "$work"
exit $failed
