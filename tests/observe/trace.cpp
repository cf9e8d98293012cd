// SPDX-License-Identifier: MIT
#include <yoke/observe/trace.hpp>

#include "catch.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <latch>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using Catch::Matchers::ContainsSubstring;

namespace {

std::string text_of(const yoke::trace& trace) {
    std::ostringstream text;
    trace.write(text);
    return text.str();
}

/// The value of a member of one entry, without quotes.
std::string member(const std::string& line, const std::string& name) {
    const auto at = line.find("\"" + name + "\":");
    if (at == std::string::npos) return {};
    std::string value = line.substr(at + name.size() + 3);
    if (value.front() == '"') return value.substr(1, value.find('"', 1) - 1);
    return value.substr(0, value.find_first_of(",}"));
}

/// The entries, each of which is a line.
std::vector<std::string> lines_of(const yoke::trace& trace) {
    std::istringstream text(text_of(trace));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);)
        if (line.rfind("{\"ph\":", 0) == 0) lines.push_back(line);
    return lines;
}

/// "B name", "E" and "i name" of each thread by its name.
std::map<std::string, std::vector<std::string>> threads_of(const yoke::trace& trace) {
    std::map<std::string, std::string> names;
    std::map<std::string, std::vector<std::string>> threads;
    for (const auto& line : lines_of(trace)) {
        const std::string phase = member(line, "ph");
        if (phase == "M") {
            const auto args = line.find("\"args\":");
            names[member(line, "tid")] = member(line.substr(args + 7), "name");
            threads[names[member(line, "tid")]];
        } else {
            threads[names[member(line, "tid")]].push_back(phase == "E" ? phase
                                                                       : phase + " " + member(line, "name"));
        }
    }
    return threads;
}

std::size_t count(const std::vector<std::string>& all, const std::string& what) {
    std::size_t n = 0;
    for (const auto& each : all) n += each == what;
    return n;
}

}  // namespace

TEST_CASE("spans and marks are recorded in order, with their thread's name", "[concurrent]") {
    yoke::trace trace;
    trace.name_thread("main");
    {
        const yoke::trace::span outer(trace, "outer");
        trace.mark("here");
        const yoke::trace::span inner(trace, "inner");
    }
    std::thread([&] { const yoke::trace::span other(trace, "other"); }).join();
    const auto threads = threads_of(trace);
    REQUIRE(threads.size() == 2);
    REQUIRE(threads.at("main") == std::vector<std::string>{"B outer", "i here", "B inner", "E", "E"});
    REQUIRE(threads.at("thread 2") == std::vector<std::string>{"B other", "E"});
    REQUIRE(trace.dropped() == 0);

    double last = 0;
    for (const auto& line : lines_of(trace)) {
        if (member(line, "tid") != "1" || member(line, "ph") == "M") continue;
        const double time = std::stod(member(line, "ts"));
        REQUIRE(time >= last);
        last = time;
    }
}

TEST_CASE("an empty trace and one with open spans can be written") {
    yoke::trace trace;
    REQUIRE(text_of(trace) ==
            "{\"otherData\":{\"dropped\":0},\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n]}\n");
    const yoke::trace::span open(trace, "open");
    REQUIRE(threads_of(trace).at("thread 1") == std::vector<std::string>{"B open"});
}

TEST_CASE("names are escaped and cut between characters") {
    yoke::trace trace;
    trace.mark("a \"quoted\" \\ \n name");
    trace.mark("broken \xff utf-8 \xc3\xa9");
    std::string wide;
    for (int i = 0; i != 30; ++i) wide += "\xe2\x82\xac";  // three bytes each
    trace.mark(wide);
    trace.name_thread("\"");
    const std::string text = text_of(trace);
    REQUIRE_THAT(text, ContainsSubstring("\"a \\\"quoted\\\" \\\\ \\u000a name\""));
    REQUIRE_THAT(text, ContainsSubstring("\"broken \\ufffd utf-8 \xc3\xa9\""));
    REQUIRE_THAT(text, ContainsSubstring("\"name\":\"" + wide.substr(0, 54) + "\""));
    REQUIRE_THAT(text, ContainsSubstring("{\"name\":\"\\\"\"}"));
}

TEST_CASE("a full buffer drops what comes, counts it and stays balanced") {
    yoke::trace trace(6);
    {
        const yoke::trace::span a(trace, "a");
        const yoke::trace::span b(trace, "b");
        trace.mark("1");
        const yoke::trace::span c(trace, "c");  // room for its begin, but not for its end
        trace.mark("2");
        trace.mark("3");  // no room either
        trace.mark("4");
    }
    trace.mark("5");
    const auto all = threads_of(trace).at("thread 1");
    REQUIRE(all == std::vector<std::string>{"B a", "B b", "i 1", "i 2", "E", "E"});
    REQUIRE(trace.dropped() == 4);
    REQUIRE_THAT(text_of(trace), ContainsSubstring("\"dropped\":4"));
    yoke::trace none(0);
    none.mark("nothing");
    REQUIRE(none.dropped() == 1);
}

TEST_CASE("a thread may write to several traces in turn", "[concurrent]") {
    yoke::trace one;
    yoke::trace two;
    for (int i = 0; i != 3; ++i) {
        one.mark("one");
        const yoke::trace::span both(one, "one");
        two.mark("two");
    }
    REQUIRE(threads_of(one).at("thread 1").size() == 9);
    REQUIRE(threads_of(two).at("thread 1").size() == 3);
    for (int i = 0; i != 3; ++i) {
        yoke::trace next;  // most likely where the last one was
        next.mark("next");
        REQUIRE(threads_of(next).at("thread 1").size() == 1);
    }
}

TEST_CASE("a trace shows a pool's threads, their tasks, the tasks' spans and their sleep", "[concurrent]") {
    yoke::trace trace;
    {
        std::latch both(2);
        yoke::thread_pool pool({.threads = 2, .name = "crew", .observer = &trace});
        for (int i = 0; i != 2; ++i) {
            pool.detach([&both] {
                both.arrive_and_wait();
                const yoke::task_span reading("read");
            });
        }
        pool.wait();
        const yoke::task_span nobody_watches("outside");
    }
    const auto threads = threads_of(trace);
    REQUIRE(threads.size() == 2);
    std::size_t sleeps = 0;
    for (const auto* name : {"crew-0", "crew-1"}) {
        const auto& all = threads.at(name);
        REQUIRE(count(all, "B task") == 1);
        REQUIRE(count(all, "B read") == 1);
        REQUIRE(count(all, "E") == 2 + count(all, "B sleep"));
        sleeps += count(all, "B sleep");
    }
    REQUIRE(sleeps <= 8);
}

TEST_CASE("the stages of a pipeline appear under their names", "[concurrent]") {
    yoke::trace trace;
    {
        yoke::thread_pool pool({.threads = 2, .observer = &trace});
        const auto all = yoke::from(std::vector<int>{1, 2, 3}) |
                         yoke::stage(pool, [](int x) { return x + 1; }, {.name = "import"}) |
                         yoke::stage(pool, [](int x) { return 2 * x; }) | yoke::collect();
        REQUIRE(all == std::vector<int>{4, 6, 8});
    }
    std::size_t imports = 0;
    std::size_t others = 0;
    for (const auto& [name, entries] : threads_of(trace)) {
        imports += count(entries, "B stage 1 (import)");
        others += count(entries, "B stage 2");
    }
    REQUIRE(imports == 3);
    REQUIRE(others == 3);
}

TEST_CASE("a trace may be written while threads record", "[concurrent]") {
    yoke::trace trace(2000);
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i != 2000; ++i) {
                const yoke::trace::span span(trace, "work");
                trace.mark("step");
            }
        });
    }
    std::size_t last = 0;
    bool grows = true;
    for (int i = 0; i != 20; ++i) {
        const std::size_t now = lines_of(trace).size();
        grows = grows && now >= last;
        last = now;
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(grows);
    std::size_t recorded = 0;
    for (const auto& [name, entries] : threads_of(trace))
        recorded += count(entries, "B work") + count(entries, "i step");
    REQUIRE(recorded + trace.dropped() == 3 * 2000 * 2);
}

TEST_CASE("a trace is saved to a file, or an error names the file") {
    yoke::trace trace;
    trace.mark("here");
    const std::string path =
        std::filesystem::temp_directory_path() / ("yoke_trace_" + std::to_string(::getpid()) + ".json");
    trace.save(path);
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    REQUIRE(text.str() == text_of(trace));
    std::remove(path.c_str());
    REQUIRE_THROWS_WITH(trace.save("/nowhere/run.json"), ContainsSubstring("/nowhere/run.json"));
    if (std::ifstream("/dev/full")) REQUIRE_THROWS_AS(trace.save("/dev/full"), std::system_error);
}
