#!/bin/sh
# SPDX-License-Identifier: MIT
# sh include_direction.sh <folder that holds yoke/>
# Prints every include of the headers that breaks the layering, and exits 1 if there is one.
#
# A header may include its own layer or a lower one:
#   1 detail/ error.hpp dropped_error.hpp time_span.hpp version.hpp   2 concept/ wire/
#   3 future.hpp future/ runtime.hpp schedule.hpp worker_local.hpp   4 queue/ observe/
#   5 executor/ algorithm/ (never each other)   6 adapter/ (never each other)   7 yoke.hpp
# Within detail/: base/, then os/, then sync/, then future/ and process/ (never each other).
# A folder within executor/, algorithm/ or adapter/ is private: only the headers in it and those of the folder that it
# lies in include from it.
# Below adapter/ only the standard library and the system's own headers may be included besides; yoke.hpp includes no
# adapter. Nothing includes itself by a detour.
# An .ipp holds definitions of a header of its folder, which alone includes it, at its end. What it includes besides
# counts as included by that header.
set -eu
cd "$1"
find yoke -name '*.[hi]pp' | LC_ALL=C sort | while read -r header; do
    # A condition inside an include line is no include; a comment after one is no part of it.
    sed -nE "s|^[[:space:]]*#[[:space:]]*include[[:space:]]*([<\"][^>\"]*[>\"]).*|$header \\1|p" "$header"
done | LC_ALL=C awk '
    function layer(path) {
        if (path == "yoke.hpp") return 7
        if (path ~ /^adapter\//) return 6
        if (path ~ /^(executor|algorithm)\//) return 5
        if (path ~ /^(queue|observe)\//) return 4
        if (path ~ /^(future|runtime|schedule|worker_local)\.[hi]pp$/ || path ~ /^future\//) return 3
        if (path ~ /^(concept|wire)\//) return 2
        if (path ~ /^detail\// || path ~ /^(error|dropped_error|time_span|version)\.[hi]pp$/) return 1
        return 0
    }
    function folder(path) { sub(/\/.*/, "", path); return path }
    function place(path) { sub(/\/?[^\/]*$/, "", path); return path }
    function shelf(path) {  # within detail/
        if (path ~ /^detail\/base\//) return 1
        if (path ~ /^detail\/os\//) return 2
        if (path ~ /^detail\/sync\//) return 3
        if (path ~ /^detail\/(future|process)\//) return 4
        return 0
    }
    function is_private(path) { return place(path) ~ /^(executor|algorithm|adapter)\/./ }
    function adapter(path) { sub(/^adapter\//, "", path); sub(/[.\/].*/, "", path); return path }
    function wrong(what) { printf "%s includes %s: %s\n", $1, $2, what; bad = 1 }

    BEGIN {
        n = split("aio cxxabi dirent dlfcn elf errno execinfo fcntl fnmatch getopt glob immintrin inttypes limits link " \
                  "locale malloc mqueue netdb pthread pwd sched semaphore setjmp signal spawn stdint stdlib string " \
                  "strings syscall termios time ucontext unistd utime wait x86intrin poll", names, " ")
        for (i = 1; i <= n; i++) system_header[names[i] ".h"] = 1
    }
    {
        from = $1; sub(/^yoke\//, "", from)
        to = substr($2, 2, length($2) - 2)
        mine = layer(from)
        if (!mine) wrong("the header that includes is in no layer")
        if ($2 ~ /^"/) {
            wrong("includes are written <yoke/...>")
        } else if (to ~ /^yoke\//) {
            sub(/^yoke\//, "", to)
            theirs = layer(to)
            if (!theirs) wrong("the included header is in no layer")
            else if (to ~ /\.ipp$/ && (from !~ /\.hpp$/ || place(from) != place(to)))
                wrong("definitions are included by a header of their folder only")
            else if (theirs > mine) wrong("runs up, from layer " mine " to layer " theirs)
            else if (folder(from) != folder(to) && theirs == mine && mine == 5) wrong("executor/ and algorithm/ never meet")
            else if (folder(from) == "adapter" && folder(to) == "adapter" && adapter(from) != adapter(to))
                wrong("adapters do not know each other")
            else if (is_private(to) && place(from) != place(to) && place(from) != place(place(to)))
                wrong("that folder is private to " place(place(to)) "/")
            else if (shelf(from) && shelf(to) > shelf(from)) wrong("runs up within detail/")
            else if (shelf(from) == 4 && shelf(to) == 4 && place(from) != place(to))
                wrong("detail/future/ and detail/process/ never meet")
            else if (from == "yoke.hpp" && theirs == 6) wrong("yoke.hpp holds no adapter")
            if (to !~ /\.ipp$/) edges[from] = edges[from] " " to
            if (from == to) wrong("includes itself")
        } else if (mine != 6 && to !~ /^[a-z_]+$/ && to !~ /^(sys|linux|asm|arpa|net|netinet|mach)\// && !(to in system_header)) {
            wrong("a third-party header below adapter/")
        } else if (mine == 7 && to !~ /^[a-z_]+$/) {
            wrong("yoke.hpp includes headers of yoke only")
        }
    }

    # Depth-first search; a header met again while its own includes are still being followed closes a cycle.
    function follow(at, way,    next_ones, count, i) {
        if (state[at] == 2) return
        if (state[at] == 1) { print "cycle:" way " -> " at; bad = 1; return }
        state[at] = 1
        count = split(edges[at], next_ones, " ")
        for (i = 1; i <= count; i++) follow(next_ones[i], way " -> " at)
        state[at] = 2
    }
    END { for (header in edges) follow(header, ""); exit bad }
'
