// SPDX-License-Identifier: MIT
//
// Who is replaced, and when a pool gives up, by a clock of the test's own: years pass in no time.
#include "catch.hpp"

#include <yoke/executor/process/staffing.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

using yoke::detail::basic_process_staff;
using yoke::detail::farewell;
using yoke::detail::process_board;
using yoke::detail::worker_end;

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr std::int64_t day = 86'400 * second;

struct noted_crew {
    std::vector<std::uint32_t> hired;
    void hire(std::uint32_t place) noexcept { hired.push_back(place); }
    void dismiss(std::uint32_t) noexcept {}
};

/// A staff of some workers, its crew, and the time.
struct small_office {
    struct release {
        void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{64}); }
    };
    static constexpr std::uint32_t places = 4;

    explicit small_office(std::uint32_t workers, std::uint32_t crash_limit)
        : memory(static_cast<std::byte*>(
              ::operator new (process_board::bytes(64, places), std::align_val_t{64}))),
          board(memory.get(), 64, places),
          staff((board.construct(), crew), board, workers, crash_limit, now) {}

    std::string dies(std::uint32_t place, bool busy, int signal = 9) {
        return staff.ended({.place = place, .pid = 7, .signal = signal}, false, busy, now);
    }
    std::string not_forked(std::uint32_t place) {
        return staff.ended({.place = place, .not_forked = EAGAIN}, false, false, now);
    }
    /// Replaces whom it is time to replace; how many those were. `next` is when to come again.
    std::size_t plan(std::uint64_t backlog = 0) {
        crew.hired.clear();
        next = std::numeric_limits<std::int64_t>::max();
        staff.plan(backlog, now, next);
        staff.carry_out();
        return crew.hired.size();
    }

    std::unique_ptr<std::byte, release> memory;
    std::int64_t now = 1'000 * day;
    std::int64_t next = 0;
    process_board board;
    noted_crew crew;
    basic_process_staff<noted_crew> staff;
};

}  // namespace

TEST_CASE("exactly as many crashes as the limit are survived, if a task completes then") {
    small_office office(2, 5);
    for (int series = 0; series < 3; ++series) {
        for (int i = 0; i < 5; ++i) {
            REQUIRE(office.dies(0, true).empty());
            REQUIRE(office.plan() == 1);
            office.now += 10 * ms;
        }
        office.staff.task_done();
    }
    for (int i = 0; i < 5; ++i) REQUIRE(office.dies(0, true, 6).empty());
    const std::string why = office.dies(1, true);
    CAPTURE(why);
    REQUIRE(why.find("6 workers in a row") != std::string::npos);
    REQUIRE(why.find("signal 6") != std::string::npos);
}

TEST_CASE("crashes that lie far apart do not add up") {
    small_office office(1, 3);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(office.dies(0, true).empty());
        REQUIRE(office.plan() == 1);
        office.now += 61 * second;
    }
    // And those that do not, do.
    int survived = 0;
    while (office.dies(0, true).empty()) {
        ++survived;
        REQUIRE(office.plan() == 1);
        office.now += 59 * second;
    }
    REQUIRE(survived == 3);
}

TEST_CASE("workers that the pool has killed, and those that left of their own accord, are no crashes") {
    small_office office(1, 3);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(office.staff.ended({.place = 0, .pid = 7, .signal = 9}, true, true, office.now).empty());
        REQUIRE(office.plan() == 1);
        REQUIRE(office.staff.ended({.place = 0, .pid = 7, .left = farewell::asked}, false, true, office.now)
                    .empty());
        REQUIRE(office.plan() == 1);
    }
}

TEST_CASE("idle workers that die over a long life do not break a healthy pool") {
    small_office office(4, 5);
    for (std::uint32_t i = 0; i < 1'000; ++i) {
        office.now += i % 2 == 0 ? 30 * day : 2 * second;
        REQUIRE(office.dies(i % 4, false).empty());
        REQUIRE(office.plan() == 1);
    }
    // All of them at once, twice a minute.
    for (int i = 0; i < 100; ++i) {
        office.now += 30 * second;
        for (std::uint32_t place = 0; place < 4; ++place) REQUIRE(office.dies(place, false).empty());
        REQUIRE(office.plan() == 4);
    }
}

TEST_CASE("workers that die as soon as they are there break the pool, idle or not") {
    small_office office(1, 5);
    int survived = 0;
    while (office.dies(0, false).empty()) {
        ++survived;
        REQUIRE(office.plan() == 1);
        office.now += 100 * ms;
    }
    REQUIRE(survived == 5);
}

TEST_CASE("a worker that cannot be forked is tried again, more and more rarely, while another lives") {
    small_office office(2, 5);
    REQUIRE(office.dies(1, true).empty());
    REQUIRE(office.plan() == 1);
    std::int64_t waited = 0;
    for (int i = 0; i < 200; ++i) {
        REQUIRE(office.not_forked(1).empty());
        REQUIRE(office.plan() == 0);
        waited = office.next - office.now;
        REQUIRE(waited >= 10 * ms);
        REQUIRE(waited <= 640 * ms);
        office.now = office.next;
        REQUIRE(office.plan() == 1);
    }
    REQUIRE(waited == 640 * ms);
    // It was forked at last, and dies; the next trouble begins with short waits.
    office.now += day;
    REQUIRE(office.dies(1, true).empty());
    REQUIRE(office.plan() == 1);
    REQUIRE(office.not_forked(1).empty());
    REQUIRE(office.plan() == 0);
    REQUIRE(office.next - office.now == 10 * ms);
}

TEST_CASE("with no worker left, and none to be forked for a second, the pool gives up and says why") {
    small_office office(1, 100);
    REQUIRE(office.dies(0, false).empty());
    REQUIRE(office.plan() == 1);
    const std::int64_t began = office.now;
    std::string why;
    for (int tries = 0; why.empty(); ++tries) {
        REQUIRE(tries < 20);
        why = office.not_forked(0);
        static_cast<void>(office.plan());
        if (why.empty()) {
            office.now = office.next;
            REQUIRE(office.plan() == 1);
        }
    }
    CAPTURE(why);
    REQUIRE(office.now - began >= second);
    REQUIRE(office.now - began < 2 * second);
    REQUIRE(why.find("EAGAIN") != std::string::npos);
    REQUIRE(why.find("RLIMIT_NPROC") != std::string::npos);
    REQUIRE(why.find("pids.max") != std::string::npos);
}

TEST_CASE("a death by SIGKILL is blamed on memory only if the kernel counts one") {
    worker_end end{.pid = 7, .signal = 9};
    REQUIRE(describe(end).find("memory") == std::string::npos);
    end.memory_ran_out = true;
    REQUIRE(describe(end).find("ran out of memory") != std::string::npos);
}
