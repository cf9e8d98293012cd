// SPDX-License-Identifier: MIT
#pragma once

/// How each waiting call of a queue of strings ends: every call, in every situation. The same for all queues.

#include "catch.hpp"
#include "support/asleep.hpp"
#include "support/process_watch.hpp"

#include <yoke/concept/queue.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace yoke_test {

enum class pop_call { plain, with_stop, for_time, until_time, for_time_with_stop };
enum class push_call { plain, with_stop, for_time, until_time, for_time_with_stop };
enum class situation {
    at_once,
    later,
    timeout,
    stop_before,
    stop_during,
    close_before,
    close_during,
    hand_back,
    pill
};

constexpr bool has_time(int call) { return call >= 2; }
constexpr bool has_stop(int call) { return call == 1 || call == 4; }

/// Long, so that a string that was moved from shows it.
inline std::string item(int number) {
    return "an item that does not fit a short string, " + std::to_string(number);
}

constexpr std::chrono::hours for_ever = std::chrono::hours::max();

/// One pop; plain ones have a status, too.
template <class Queue>
yoke::pop_result<std::string> pop_by(Queue& queue, int call, bool soon, const std::stop_token& stop) {
    using namespace std::chrono_literals;
    const auto now = std::chrono::steady_clock::now();
    switch (static_cast<pop_call>(call)) {
    case pop_call::plain:
        if (auto got = queue.pop()) return got;
        return yoke::queue_status::done;
    case pop_call::with_stop: return queue.pop(stop);
    case pop_call::for_time: return soon ? queue.pop_for(2ms) : queue.pop_for(for_ever);
    case pop_call::until_time: return queue.pop_until(soon ? now + 2ms : now.max());
    case pop_call::for_time_with_stop: return soon ? queue.pop_for(2ms, stop) : queue.pop_for(for_ever, stop);
    }
    return yoke::queue_status::done;
}
template <class Queue>
bool push_by(Queue& queue, std::string& what, int call, bool soon, const std::stop_token& stop) {
    using namespace std::chrono_literals;
    const auto now = std::chrono::steady_clock::now();
    switch (static_cast<push_call>(call)) {
    case push_call::plain: return queue.push(std::move(what));
    case push_call::with_stop: return queue.push(std::move(what), stop);
    case push_call::for_time:
        return soon ? queue.push_for(std::move(what), 2ms) : queue.push_for(std::move(what), for_ever);
    case push_call::until_time: return queue.push_until(std::move(what), soon ? now + 2ms : now.max());
    case push_call::for_time_with_stop:
        return soon ? queue.push_for(std::move(what), 2ms, stop)
                    : queue.push_for(std::move(what), for_ever, stop);
    }
    return false;
}

/// `make(capacity)` makes a queue of strings; its calls are made by two threads of this process.
template <class Make>
void each_pop_in_each_situation(Make make) {
    for (int call = 0; call <= 4; ++call) {
        for (int s = 0; s <= static_cast<int>(situation::pill); ++s) {
            const auto what = static_cast<situation>(s);
            if (what == situation::timeout && !has_time(call)) continue;
            if ((what == situation::stop_before || what == situation::stop_during) && !has_stop(call))
                continue;
            INFO("pop " << call << " in situation " << s);
            const watchdog dog("a pop " + std::to_string(call) + " in situation " + std::to_string(s));
            auto made = make(2);
            auto& queue = *made;
            std::stop_source stop;
            std::optional<yoke::pop_result<std::string>> got;
            std::vector<std::string> rest;
            if (what == situation::at_once || what == situation::stop_before) REQUIRE(queue.push(item(1)));
            if (what == situation::stop_before) stop.request_stop();
            if (what == situation::close_before) queue.close();
            sleepers thread;
            thread.add(
                [&, call] { got = pop_by(queue, call, what == situation::timeout, stop.get_token()); });
            switch (what) {
            case situation::later:
                REQUIRE(thread.all_asleep());
                REQUIRE(queue.push(item(1)));
                break;
            case situation::stop_during:
                REQUIRE(thread.all_asleep());
                stop.request_stop();
                break;
            case situation::close_during:
                REQUIRE(thread.all_asleep());
                queue.close();
                break;
            case situation::hand_back:
                REQUIRE(thread.all_asleep());
                rest = queue.close(yoke::hand_back);
                break;
            case situation::pill:
                REQUIRE(thread.all_asleep());
                REQUIRE(queue.push(yoke::poison_pill));
                break;
            default: break;
            }
            thread.join();
            REQUIRE(got.has_value());
            const bool expected = what == situation::at_once || what == situation::later;
            REQUIRE(got->has_value() == expected);
            if (expected) {
                REQUIRE(got->status == yoke::queue_status::item);
                REQUIRE(**got == item(1));
            } else if (what == situation::timeout) {
                REQUIRE(got->status == yoke::queue_status::timeout);
            } else if (what == situation::stop_before || what == situation::stop_during) {
                REQUIRE(got->status == yoke::queue_status::stopped);
            } else {
                REQUIRE(got->status == yoke::queue_status::done);
            }
            REQUIRE(queue.size() == (what == situation::stop_before ? 1u : 0u));
            if (what == situation::stop_before) REQUIRE(queue.try_pop() == item(1));
            REQUIRE(rest.empty());
        }
    }
}

template <class Make>
void each_push_in_each_situation(Make make) {
    for (int call = 0; call <= 4; ++call) {
        for (int s = 0; s < static_cast<int>(situation::pill); ++s) {
            const auto what = static_cast<situation>(s);
            if (what == situation::timeout && !has_time(call)) continue;
            if ((what == situation::stop_before || what == situation::stop_during) && !has_stop(call))
                continue;
            INFO("push " << call << " in situation " << s);
            const watchdog dog("a push " + std::to_string(call) + " in situation " + std::to_string(s));
            auto made = make(1);
            auto& queue = *made;
            std::stop_source stop;
            std::string mine = item(2);
            std::vector<std::string> rest;
            const bool full = what != situation::at_once && what != situation::stop_before;
            if (full) REQUIRE(queue.push(item(1)));
            if (what == situation::stop_before) stop.request_stop();
            if (what == situation::close_before) queue.close();
            bool went_in = false;
            sleepers thread;
            thread.add([&, call] {
                went_in = push_by(queue, mine, call, what == situation::timeout, stop.get_token());
            });
            switch (what) {
            case situation::later:
                REQUIRE(thread.all_asleep());
                REQUIRE(queue.pop() == item(1));
                break;
            case situation::stop_during:
                REQUIRE(thread.all_asleep());
                stop.request_stop();
                break;
            case situation::close_during:
                REQUIRE(thread.all_asleep());
                queue.close();
                break;
            case situation::hand_back:
                REQUIRE(thread.all_asleep());
                rest = queue.close(yoke::hand_back);
                break;
            default: break;
            }
            thread.join();
            const bool expected = what == situation::at_once || what == situation::later;
            REQUIRE(went_in == expected);
            if (!expected) REQUIRE(mine == item(2));  // it stays with its producer
            if (what == situation::hand_back) {
                REQUIRE(rest == std::vector<std::string>{item(1)});
                REQUIRE(queue.size() == 0);
                REQUIRE_FALSE(queue.pop());
            } else {
                if (full && what != situation::later) REQUIRE(queue.try_pop() == item(1));
                if (expected) REQUIRE(queue.try_pop() == item(2));
                REQUIRE(queue.size() == 0);
            }
        }
    }
}

/// Producers and consumers whose calls run out of time, are stopped, and take and give by every call there is; then the queue
/// is closed with items in it. Every item comes out once, is given back, or stayed with its producer.
template <class Make>
void stress_of_all_calls(Make make, int each) {
    const watchdog dog("all calls at once", std::chrono::seconds(60));
    auto made = make(3);
    auto& queue = *made;
    constexpr int producers = 2, consumers = 3;
    std::stop_source stops[consumers + producers];
    std::vector<std::string> taken[consumers];
    std::vector<std::string> kept[producers];
    std::atomic<int> begun{0};
    std::vector<std::thread> threads;
    for (int p = 0; p != producers; ++p) {
        threads.emplace_back([&, p] {
            for (int i = 0; i != each; ++i) {
                std::string what = item(p * each + i);
                const int call = i % 5;
                // Plain calls and tokens last; a third of those with a time has little.
                ++begun;
                if (!push_by(queue, what, call, i % 3 == 0, stops[p].get_token())) kept[p].push_back(what);
            }
        });
    }
    for (int c = 0; c != consumers; ++c) {
        threads.emplace_back([&, c] {
            for (int i = 0;; ++i) {
                auto got = pop_by(queue, i % 5, i % 3 == 0, stops[producers + c].get_token());
                if (got) taken[c].push_back(std::move(*got));
                if (got.status == yoke::queue_status::done) break;
            }
        });
    }
    // The first producer and the first consumer are stopped on the way; their other calls go on.
    while (begun < each / 2) std::this_thread::yield();
    stops[0].request_stop();
    stops[producers].request_stop();
    for (int p = 0; p != producers; ++p) threads[static_cast<std::size_t>(p)].join();
    const auto rest = queue.close(yoke::hand_back);
    for (std::size_t c = producers; c != threads.size(); ++c) threads[c].join();
    std::vector<int> seen(static_cast<std::size_t>(producers * each), 0);
    const auto count = [&](const std::vector<std::string>& some) {
        for (const std::string& one : some) ++seen[std::stoul(one.substr(one.rfind(' ') + 1))];
    };
    for (const auto& some : taken) count(some);
    for (const auto& some : kept) count(some);
    count(rest);
    REQUIRE(seen == std::vector<int>(static_cast<std::size_t>(producers * each), 1));
}

}  // namespace yoke_test
