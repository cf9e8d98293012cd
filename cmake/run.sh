#!/bin/sh
# SPDX-License-Identifier: MIT
# sh cmake/run.sh demo|test|bench|mutants [WORD...]
# sh cmake/run.sh deep [COUNT] [WORD...]
# sh cmake/run.sh cost
#
#   demo   builds and runs the examples (those whose names start with a WORD)
#   test   runs every check there is: formatting, two compilers, sanitizers, consumers
#   bench  measures (the questions that start with a WORD) and writes build/bench/report.md
#   mutants  breaks the library in a hundred places, one at a time (those whose file or promise contains a WORD), and
#          names the breaks that no test notices; an hour or so
#   cost   how long a compiler takes for each public header and for some programs, beside those of peers
#   deep   runs each concurrent test (those whose names start with a WORD) COUNT times (200) under the thread sanitizer,
#          four to a processor, each once before any comes again; hours. The same command goes on after an
#          interruption. build/deep keeps which round has failed and its output.
#
# Each installs first what it needs and does not find, where it may (apt-get as root or by sudo), else says what to
# install. YOKE_JOBS sets how many compilers and tests run at once.
set -eu
cd "$(dirname "$0")/.."
jobs=${YOKE_JOBS:-$(nproc)}

say() { printf '%s\n' "$*"; }
fail() {
    printf 'run.sh: %s\n' "$*" >&2
    exit 1
}

# --- what a command needs -------------------------------------------------------------------------------------------

missing=
want() { case " $missing " in *" $1 "*) ;; *) missing="$missing $1" ;; esac; }
have() { command -v "$1" >/dev/null 2>&1; }
command_from() { have "$1" || want "$2"; }  # <command> <package>
header_from() {  # <header>[|<other header>] <package>
    one=${1%|*}
    other=${1#*|}
    have g++ && printf '#if !__has_include(<%s>) && !__has_include(<%s>)\n#error\n#endif\n' "$one" "$other" |
        g++ -x c++ -E - >/dev/null 2>&1 || want "$2"
}
library_from() {  # <library> <package>
    have g++ && printf 'int main() {}' | g++ -x c++ - "-l$1" -o /dev/null 2>/dev/null || want "$2"
}

need_build() {
    command_from g++ g++
    command_from cmake cmake
    command_from ninja ninja-build
    header_from sqlite3.h libsqlite3-dev
}
need_examples() {
    header_from curl/curl.h libcurl4-openssl-dev
    header_from httplib.h libcpp-httplib-dev
    header_from CLI/CLI.hpp libcli11-dev
    header_from nlohmann/json.hpp nlohmann-json3-dev
    command_from pkg-config pkg-config
    command_from sqlite3 sqlite3
}
need_bench() {
    header_from benchmark/benchmark.h libbenchmark-dev
    header_from tbb/version.h libtbb-dev
    header_from boost/asio.hpp libboost-dev
    library_from boost_thread libboost-thread-dev
    { have python3 && python3 -c 'import json' 2>/dev/null; } || want python3
}
need_test() {
    command_from python3 python3
    header_from 'catch2/catch.hpp|catch2/catch_all.hpp' catch2
    command_from clang++ clang
    printf 'int main() {}' | clang++ -fsanitize=address -x c++ - -o /dev/null 2>/dev/null || want libclang-rt-dev
    command_from clang-format clang-format
    command_from spin spin
    command_from strace strace
    header_from cereal/cereal.hpp libcereal-dev
}

install_missing() {
    [ -n "$missing" ] || return 0
    as_root=
    if [ "$(id -u)" != 0 ]; then as_root='sudo -n'; fi
    if ! have apt-get || { [ -n "$as_root" ] && ! $as_root true 2>/dev/null; }; then
        fail "please install (names of Debian's packages):$missing"
    fi
    say "installing:$missing"
    log=$(mktemp)
    if ! { $as_root apt-get update && $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log"
        rm -f "$log"
        fail "could not install:$missing"
    fi
    rm -f "$log"
    missing=
}

check_cmake() {
    found=$(cmake --version | sed -n 's/^cmake version //p')
    lowest=$(printf '3.25\n%s\n' "$found" | sort -V | head -n 1)
    [ "$lowest" = 3.25 ] || fail "CMake 3.25 or newer is needed, found $found"
}

# --- steps ----------------------------------------------------------------------------------------------------------

started=$(date +%s)
step() {  # <headline> <command>...: runs the command, says how long it took, stops everything if it fails
    headline=$1
    shift
    say "=== $headline"
    begin=$(date +%s)
    "$@" || fail "failed: $headline"
    say "--- $headline: $(($(date +%s) - begin)) s"
}

configure() {  # <arguments of cmake>...: silent but for what it skips, or when it fails
    mkdir -p build
    if ! cmake "$@" >build/configure.log 2>&1; then
        cat build/configure.log
        return 1
    fi
    grep -E '^-- skipped|Warning' build/configure.log || :
}

build() {  # <arguments of cmake --build>...
    if [ -t 1 ]; then
        cmake --build "$@" -j "$jobs"
    else
        cmake --build "$@" -j "$jobs" -- --quiet
    fi
}

check() { ctest --preset "$1" -j "$jobs"; }

formatting() {
    # Other versions lay out some lines differently.
    case $(clang-format --version) in
    *'version 14.'*) find include tests bench examples -name '*.[chi]pp' -exec clang-format --dry-run -Werror {} + ;;
    *) say "not checked: this is laid out by clang-format 14, not by $(clang-format --version)" ;;
    esac
}

built_and_checked() {  # <preset>
    configure --preset "$1" && build --preset "$1" && check "$1"
}

# The thread sanitizer of some compilers cannot live with as much address randomisation as some kernels do.
without_randomisation() {  # <command>...
    if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ] && setarch -R true 2>/dev/null; then
        setarch -R "$@"
    else
        "$@"
    fi
}
thread_sanitized() { without_randomisation sh cmake/run.sh preset tsan; }

program_of() { printf 'test.%s' "${1%%:*}" | tr / .; }  # <word>: how the names of the programs it chooses begin

deep_built() {  # <word>...: the programs whose tests may be chosen
    configure --preset tsan || return 1
    targets=
    for target in $(ninja -C build/tsan -t targets all | sed -n 's/^\(test\.[^:/]*\): phony$/\1/p'); do
        for word in "$@"; do
            case $target in "$(program_of "$word")"*) targets="$targets $target" && break ;; esac
        done
    done
    [ $# = 0 ] || [ -n "$targets" ] || fail "no file of concurrent tests starts with: $*"
    build build/tsan ${targets:+--target $targets}
}

# A round is every chosen test once. The file of rounds has a line for each that is over: its number, and how many tests
# failed in it.
deep_rounds() {  # <count> <word>...
    count=$1
    shift
    name=$(printf '%s_' "${@:-all}" | tr -c 'A-Za-z0-9_\n' -)
    rounds=build/deep/${name%_}
    mkdir -p build/deep
    # Programs that were built since then begin anew.
    for word in "${@:-}"; do
        [ -e "$rounds.begun" ] || break
        [ -z "$(find build/tsan/tests -name "$(program_of "$word")*" -type f -perm -u+x -newer "$rounds.begun")" ] ||
            rm -f "$rounds" "$rounds".*
    done
    [ -e "$rounds" ] || touch "$rounds" "$rounds.begun"
    filter=
    for word in "$@"; do filter="$filter|$(printf '%s' "$word" | sed 's/[][\.*^$+?(){}|]/\\&/g')"; done
    round=$(($(wc -l <"$rounds") + 1))
    while [ "$round" -le "$count" ]; do
        begin=$(date +%s)
        failed=0
        if ! ctest --preset tsan -j "$((4 * jobs))" --schedule-random ${filter:+-R "^(${filter#|})"} \
            --output-log "$rounds.log" >/dev/null; then
            cp "$rounds.log" "$rounds.$round.log"
            failed=$(grep -c . build/tsan/Testing/Temporary/LastTestsFailed.log) || return 1
            sed "s/^[0-9]*:/round $round: /" build/tsan/Testing/Temporary/LastTestsFailed.log | tee -a "$rounds.failed"
        fi
        printf '%s %s\n' "$round" "$failed" >>"$rounds"
        say "round $round of $count: $(($(date +%s) - begin)) s, $failed failed"
        round=$((round + 1))
    done
    [ ! -e "$rounds.failed" ] || fail "failed in some round: $(sed 's/^[^:]*: //' "$rounds.failed" | sort | uniq -c)"
}

release_built() {
    configure --preset release && build --preset release
}

examples_built() {
    configure -S . -B build/demo -G Ninja -D CMAKE_BUILD_TYPE=Release -D YOKE_BUILD_TESTS=OFF -D YOKE_BUILD_BENCH=OFF &&
        build build/demo
}

bench_built() {
    configure -S . -B build/bench-build -G Ninja -D CMAKE_BUILD_TYPE=Release -D YOKE_BUILD_TESTS=OFF \
        -D YOKE_BUILD_EXAMPLES=OFF && build build/bench-build
}

chosen() {  # <name> <word>...: whether the name starts with one of the words, or there are none
    name=$1
    shift
    [ $# != 0 ] || return 0
    for word in "$@"; do
        case $name in "$word"*) return 0 ;; esac
    done
    return 1
}

# --- commands -------------------------------------------------------------------------------------------------------

command=${1:-}
[ $# = 0 ] || shift
case $command in
demo)
    need_build
    need_examples
    install_missing
    check_cmake
    step 'building the examples' examples_built
    ran=0
    for example in event_baseline market_reports api_fan_out which_pool find_max; do
        if chosen "$example" "$@"; then
            step "$example" "build/demo/examples/$example"
            ran=$((ran + 1))
        fi
    done
    [ "$ran" != 0 ] || fail "no example starts with: $*"
    ;;
test)
    [ $# = 0 ] || fail 'test takes no words'
    need_build
    need_examples
    need_bench
    need_test
    install_missing
    check_cmake
    step 'formatting' formatting
    step 'what it costs to include' python3 cmake/cost.py --check --turns 1
    step 'g++, Release: build' release_built
    step 'clang++, Release' built_and_checked clang
    step 'clang++, address and undefined-behaviour sanitizers' built_and_checked asan
    step 'clang++, thread sanitizer' thread_sanitized
    say "--- all but the last step: $(($(date +%s) - started)) s"
    say '=== g++, Release: all tests'
    check release || fail 'failed: g++, Release: all tests'
    ;;
bench)
    need_build
    need_bench
    install_missing
    check_cmake
    step 'building the benchmarks' bench_built
    mkdir -p build/bench
    step 'measuring' python3 bench/report.py --programs build/bench-build/bench --output build/bench "$@"
    say 'written: build/bench/report.md'
    ;;
cost)
    need_build
    need_bench
    install_missing
    python3 cmake/cost.py --headers
    ;;
mutants)
    need_build
    need_test
    install_missing
    check_cmake
    step 'mutants' python3 tests/mutants/run.py --jobs "$jobs" "$@"
    ;;
deep)
    need_build
    need_test
    install_missing
    check_cmake
    count=200
    case ${1:-x} in *[!0-9]*) ;; *) count=$1 && shift ;; esac
    step 'building with the thread sanitizer' deep_built "$@"
    step 'repeating' without_randomisation sh cmake/run.sh rounds "$count" "$@"
    ;;
rounds)    # one step of deep
    deep_rounds "$@"
    ;;
preset)    # one step of test
    built_and_checked "$1"
    ;;
*)
    fail 'usage: sh cmake/run.sh demo|test|bench|mutants [WORD...], deep [COUNT] [WORD...] or cost'
    ;;
esac
