// SPDX-License-Identifier: MIT
// labels: process
//
// What becomes of what tasks print: `process_pool_options::output`.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Keeps all that it is told.
class notebook final : public yoke::output_observer {
public:
    void task_output(int pid, std::uint64_t task, int stream, std::string_view text) noexcept override {
        const std::lock_guard lock(mutex_);
        (stream == 1 ? out_ : err_)[task] += text;
        pids_[task] = pid;
    }
    std::string out(std::uint64_t task) const { return find(out_, task); }
    std::string err(std::uint64_t task) const { return find(err_, task); }
    int pid(std::uint64_t task) const {
        const std::lock_guard lock(mutex_);
        return pids_.at(task);
    }
    std::size_t tasks() const {
        const std::lock_guard lock(mutex_);
        return pids_.size();
    }

private:
    std::string find(const std::map<std::uint64_t, std::string>& texts, std::uint64_t task) const {
        const std::lock_guard lock(mutex_);
        const auto found = texts.find(task);
        return found != texts.end() ? found->second : std::string();
    }
    mutable std::mutex mutex_;
    std::map<std::uint64_t, std::string> out_;
    std::map<std::uint64_t, std::string> err_;
    std::map<std::uint64_t, int> pids_;
};

/// While it lives this program's standard output goes into memory.
class caught_output {
public:
    caught_output() {
        std::fflush(stdout);
        before_ = ::dup(1);
        ::dup2(file_, 1);
    }
    ~caught_output() {
        put_back();
        ::close(file_);
    }
    std::string text() {
        put_back();
        std::string all(static_cast<std::size_t>(::lseek(file_, 0, SEEK_END)), '\0');
        REQUIRE(::pread(file_, all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()));
        return all;
    }

private:
    void put_back() {
        if (before_ < 0) return;
        std::fflush(stdout);
        ::dup2(before_, 1);
        ::close(before_);
        before_ = -1;
    }
    int file_ = ::memfd_create("caught", MFD_CLOEXEC);
    int before_ = -1;
};

int speak(int n) {
    std::printf("printed %d\n", n);
    std::cout << "streamed " << n << '\n';
    std::fprintf(stderr, "warned %d", n);
    std::cerr << " and " << n << '\n';
    return ::getpid();
}
void lose_with_words() {
    std::printf("last words\n");
    std::fprintf(stderr, "oh dear");
    ::raise(SIGKILL);
}
int same(int x) { return x; }

}  // namespace

TEST_CASE("captured output is delivered with its task, before the task completes", "[process]") {
    const yoke_test::watchdog dog("captured output");
    notebook notes;
    caught_output caught;
    {
        yoke::process_pool pool({.workers = 2, .output = yoke::worker_output::capture, .on_output = &notes});
        for (int i = 1; i <= 50; ++i) {
            const int pid = pool.submit(speak, i).get();
            const auto task = static_cast<std::uint64_t>(i);
            const std::string number = std::to_string(i);
            REQUIRE(notes.out(task) == "printed " + number + "\nstreamed " + number + "\n");
            REQUIRE(notes.err(task) == "warned " + number + " and " + number + "\n");
            REQUIRE(notes.pid(task) == pid);
        }
        // Who prints nothing is not mentioned.
        for (int i = 0; i < 20; ++i) REQUIRE(pool.submit(same, i).get() == i);
    }
    REQUIRE(notes.tasks() == 50);
    REQUIRE(caught.text().empty());
}

TEST_CASE("a lost task takes its last words along", "[process]") {
    const yoke_test::watchdog dog("last words");
    notebook notes;
    yoke::process_pool pool({.workers = 1, .output = yoke::worker_output::capture, .on_output = &notes});
    for (std::uint64_t i = 1; i <= 10; i += 2) {
        try {
            pool.submit(lose_with_words).get();
            FAIL("it was killed");
        } catch (const yoke::worker_lost& lost) {
            REQUIRE(lost.output() == "last words\noh dear");
            REQUIRE(lost.task() == i);
            REQUIRE(notes.out(i) == "last words\n");
            REQUIRE(notes.err(i) == "oh dear");
            REQUIRE(notes.pid(i) == lost.pid());
        }
        // Nothing of it is left for the next in its place.
        pool.submit(speak, 1).get();
        REQUIRE(notes.out(i + 1) == "printed 1\nstreamed 1\n");
    }
    try {
        pool.submit({.timeout = 200ms},
                    [] {
                        std::puts("still here");
                        for (;;) ::pause();
                    })
            .get();
        FAIL("it cannot have finished");
    } catch (const yoke::task_timeout&) {}
    REQUIRE(yoke_test::eventually([&] { return notes.out(11) == "still here\n"; }));
    // Without anybody who listens the words are in the exception all the same.
    yoke::process_pool unheard({.workers = 1, .output = yoke::worker_output::capture});
    try {
        unheard.submit(lose_with_words).get();
        FAIL("it was killed");
    } catch (const yoke::worker_lost& lost) {
        REQUIRE(lost.output() == "last words\noh dear");
    }
}

TEST_CASE("forwarded output comes in whole lines, task by task", "[process]") {
    const yoke_test::watchdog dog("whole lines");
    caught_output caught;
    constexpr int tasks = 100;
    {
        yoke::process_pool pool({.workers = 4, .output = yoke::worker_output::lines});
        std::vector<yoke::future<void>> all;
        for (int i = 0; i < tasks; ++i)
            all.push_back(pool.submit(
                [](int task) {
                    for (int line = 0; line < 5; ++line) {
                        std::printf("task %d", task);
                        std::fflush(stdout);  // pieces that would mix
                        std::printf(" line %d%s", line, line < 4 ? "\n" : "");
                    }
                },
                i));
        for (auto& task : all) task.get();
    }
    std::istringstream text(caught.text());
    std::map<std::string, int> next;
    int lines = 0;
    for (std::string line; std::getline(text, line); ++lines) {
        const auto split = line.find(" line ");
        REQUIRE(split != std::string::npos);
        REQUIRE(line.substr(split) == " line " + std::to_string(next[line.substr(0, split)]++));
    }
    REQUIRE(lines == 5 * tasks);
    REQUIRE(next.size() == tasks);
}

TEST_CASE("a task that prints too much is cut off, and the next one is not", "[process]") {
    const yoke_test::watchdog dog("too many words");
    notebook notes;
    yoke::process_pool pool({.workers = 1, .output = yoke::worker_output::capture, .on_output = &notes});
    for (std::uint64_t i = 1; i <= 6; i += 2) {
        pool.submit([] {
                const std::string line(999, 'x');
                for (int n = 0; n < 3000; ++n) std::puts(line.c_str());
            })
            .get();
        const std::string out = notes.out(i);
        REQUIRE(out.size() == std::size_t{1} << 20);
        REQUIRE(out.find_first_not_of("x\n") == std::string::npos);
        pool.submit(speak, 2).get();
        REQUIRE(notes.out(i + 1) == "printed 2\nstreamed 2\n");
    }
    // Nor does the system have to keep more.
    const auto room = [] {
        struct stat file {};
        ::fstat(1, &file);
        return static_cast<std::int64_t>(file.st_size);
    };
    REQUIRE(pool.submit(room).get() == std::int64_t{1} << 20);
}

TEST_CASE("what an initializer prints belongs to no task", "[process]") {
    const yoke_test::watchdog dog("words of an initializer");
    notebook notes;
    yoke::process_pool pool({.workers = 1,
                             .initializer = [] { std::puts("ready"); },
                             .output = yoke::worker_output::capture,
                             .on_output = &notes});
    pool.submit(speak, 3).get();
    REQUIRE(notes.out(0) == "ready\n");
    REQUIRE(notes.out(1) == "printed 3\nstreamed 3\n");
}

TEST_CASE("collecting leaves nothing behind, whatever happens to the workers", "[process]") {
    const yoke_test::watchdog dog("collecting and dying");
    { yoke::process_pool first(1); }
    const yoke_test::holdings before;
    for (int round = 0; round < 5; ++round) {
        notebook notes;
        yoke::process_pool pool({.workers = 3,
                                 .crash_limit = 1000,
                                 .tasks_per_worker = 7,
                                 .output = yoke::worker_output::capture,
                                 .on_output = &notes});
        std::vector<yoke::future<int>> tasks;
        std::vector<yoke::future<void>> doomed;
        for (int i = 0; i < 100; ++i) {
            tasks.push_back(pool.submit(speak, i));
            if (i % 10 == 0) doomed.push_back(pool.submit(lose_with_words));
            if (i % 20 == 0) pool.resize(static_cast<std::size_t>(1 + i / 20));
        }
        for (auto& task : tasks) REQUIRE(task.get() > 0);
        for (auto& task : doomed) REQUIRE_THROWS_AS(task.get(), yoke::worker_lost);
        REQUIRE(notes.tasks() == 110);
    }
    REQUIRE(
        yoke_test::eventually([&] { return yoke_test::difference(before, yoke_test::holdings()).empty(); }));
}
