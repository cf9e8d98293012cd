// SPDX-License-Identifier: MIT
//
// Pipelines over threads and processes.
#include "catch.hpp"
#include "support/pipeline.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/wire/bind_values.hpp>

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;

namespace {

struct entry {
    std::string endpoint;
    int interval = 0;
};
struct summary {
    std::string text;
    int worker = 0;
};

std::vector<entry> collect_endpoint(std::string endpoint) {
    return {{endpoint, 30}, {endpoint, 60}, {endpoint, 90}};
}
summary report(const entry& e) { return {e.endpoint + "/" + std::to_string(e.interval), ::getpid()}; }

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

int same(int x) { return x; }

int die_at_seven(int x) {
    if (x == 7) ::raise(SIGKILL);
    return x;
}

/// Kills its process the first time it sees a 7; the file remembers that across processes.
int die_once_at_seven(const std::string& file, int x) {
    if (x == 7 && ::access(file.c_str(), F_OK) == 0) {
        ::unlink(file.c_str());
        ::raise(SIGKILL);
    }
    return x;
}

}  // namespace

TEST_CASE("threads and processes mix in one pipeline", "[process]") {
    yoke::thread_pool threads(2);
    yoke::process_pool processes(2);
    const std::vector<std::string> endpoints{"24h", "1h", "5m"};
    const auto results = yoke::from(endpoints) | yoke::stage(threads, collect_endpoint, {.limit = 1}) |
                         yoke::flatten() |
                         yoke::stage(processes, report, {.limit = 2}, yoke::longest_first(&entry::interval)) |
                         yoke::stage(threads,
                                     [here = ::getpid()](summary s) {
                                         if (s.worker == here) throw std::logic_error("not in a worker");
                                         return s.text;
                                     }) |
                         yoke::collect();
    CHECK(results == std::vector<std::string>{"24h/30", "24h/60", "24h/90", "1h/30", "1h/60", "1h/90",
                                              "5m/30", "5m/60", "5m/90"});
}

TEST_CASE("many items go through processes in order", "[process]") {
    yoke::thread_pool threads(2);
    yoke::process_pool processes(2);
    yoke::process_pool others(1);
    for (const std::size_t bound : {1U, 3U, 0U}) {
        CHECK((yoke::from(numbers(5'000)) | yoke::stage(processes, same, {.limit = 8}) |
               yoke::stage(threads, same) | yoke::batch(16) |
               yoke::stage(others, [](std::vector<int> part) { return part; }) | yoke::flatten() |
               yoke::stage(processes, same) | yoke::collect({.items = bound})) == numbers(5'000));
    }
}

TEST_CASE("values bound to a function travel with it", "[process]") {
    yoke::process_pool processes(1);
    const auto add = yoke::bind_values(
        [](const std::string& prefix, int x) { return prefix + std::to_string(x); }, std::string("no. "));
    CHECK((yoke::from({1, 2}) | yoke::stage(processes, add) | yoke::collect()) ==
          std::vector<std::string>{"no. 1", "no. 2"});
}

TEST_CASE("a worker that dies fails its item and names it", "[process]") {
    yoke::process_pool processes(2);
    try {
        (void)(yoke::from(numbers(20)) |
               yoke::stage(processes, die_at_seven, {.limit = 1, .name = "report"}) | yoke::collect());
        FAIL("the run went on");
    } catch (const yoke::stage_error& error) {
        CHECK(error.stage() == 1);
        CHECK(error.item() == 7);
        CHECK_THAT(error.what(),
                   ContainsSubstring("stage 1 (report), item 7: ") && ContainsSubstring("lost"));
        CHECK_THROWS_AS(std::rethrow_if_nested(error), yoke::worker_lost);
    }
    // The pool has replaced it.
    CHECK((yoke::from(numbers(5)) | yoke::stage(processes, die_at_seven) | yoke::collect()) == numbers(5));
}

TEST_CASE("a call may be attempted again on another worker", "[process]") {
    char name[] = "/tmp/yoke-test-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    ::close(file);
    yoke::process_pool processes(2);
    CHECK((yoke::from(numbers(20)) |
           yoke::stage(processes, yoke::bind_values(die_once_at_seven, std::string(name)), {.attempts = 2}) |
           yoke::collect()) == numbers(20));
    CHECK(::access(name, F_OK) != 0);
    ::unlink(name);
}

TEST_CASE("lost items can be set aside", "[process]") {
    yoke::process_pool processes(2);
    std::vector<yoke::failed_item> failed;
    auto expected = numbers(20);
    expected.erase(expected.begin() + 7);
    CHECK((yoke::from(numbers(20)) | yoke::stage(processes, die_at_seven) |
           yoke::collect({.on_error = yoke::error_policy::set_aside, .failed = &failed})) == expected);
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].stage == 1);
    CHECK(failed[0].item == 7);
    CHECK_THROWS_AS(std::rethrow_exception(failed[0].error), yoke::worker_lost);
}

TEST_CASE("a call that takes too long is killed and named", "[process]") {
    yoke::process_pool processes(1);
    try {
        yoke::from({1, 2, 3}) |
            yoke::stage(processes,
                        [](int x) {
                            while (x == 2) ::pause();
                            return x;
                        },
                        {.timeout = std::chrono::milliseconds(30)}) |
            yoke::discard();
        FAIL("the run went on");
    } catch (const yoke::stage_error& error) {
        CHECK(error.item() == 1);
        CHECK_THROWS_AS(std::rethrow_if_nested(error), yoke::task_timeout);
    }
}

TEST_CASE("an exception in a process arrives with its type", "[process]") {
    yoke::process_pool processes(2);
    try {
        yoke::from({1, 2, 3}) | yoke::stage(processes, [](int x) {
            if (x == 2) throw std::out_of_range("two");
            return x;
        }) | yoke::discard();
        FAIL("the run went on");
    } catch (const yoke::stage_error& error) {
        CHECK_THAT(error.what(), ContainsSubstring("stage 1, item 1: two"));
        CHECK_THROWS_AS(std::rethrow_if_nested(error), std::out_of_range);
    }
}

TEST_CASE("a pipeline over processes runs inside a task of a pool of one thread", "[process]") {
    yoke::thread_pool threads(1);
    yoke::process_pool processes(1);
    CHECK(threads
              .submit([&] {
                  return yoke::from(numbers(200)) | yoke::stage(threads, same) |
                         yoke::stage(processes, same) | yoke::stage(threads, same) |
                         yoke::collect({.items = 4});
              })
              .get() == numbers(200));
}

TEST_CASE("a stop request leaves the pool of processes idle and usable", "[process]") {
    yoke::process_pool processes(2);
    std::stop_source stop;
    int asked = 0;
    CHECK_THROWS_AS(yoke::from([&] {
                        if (asked == 500) stop.request_stop();
                        return std::optional(asked++);
                    }) | yoke::stage(processes, same, {.limit = 32}) |
                        yoke::discard({.stop = stop.get_token()}),
                    yoke::cancelled);
    processes.wait();
    CHECK((yoke::from(numbers(5)) | yoke::stage(processes, same) | yoke::collect()) == numbers(5));
}
