#!/bin/sh
# SPDX-License-Identifier: MIT
# sh exceptions_cross.sh <folder that holds yoke/>
# Prints every class of error.hpp that does not come back from a worker process as itself, and exits 1 if there is one.
# executor/process/exception_wire.ipp names those that do; remote_error, which is made of its chain, has a way of its own there.
set -eu
cd "$1/yoke"
bad=0
for class in $(sed -nE 's/^class ([a-z_]+) .*(: public .*|)$/\1/p' error.hpp); do
    [ "$class" = remote_error ] && continue
    grep -qF "known<$class>(\"yoke::$class\")" executor/process/exception_wire.ipp || {
        echo "yoke::$class of error.hpp is not in known_exceptions of executor/process/exception_wire.ipp"
        bad=1
    }
done
exit $bad
