// SPDX-License-Identifier: MIT
//
// Pipelines of random limits, bounds, orders, errors and stop requests over mixed executors, against the loop they
// stand for.
#include "support/pipeline.hpp"
#include "catch.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>
#include <vector>

using yoke_test::remote_executor;
using yoke_test::token;

namespace {

/// An executor that is one of several, chosen at run time.
class any_local_executor {
public:
    using choice =
        std::variant<yoke::inline_executor*, yoke::thread_pool*, yoke::basic_thread_pool<yoke::fifo>*>;

    explicit any_local_executor(choice which) : which_(which) {}

    template <class R, class F, class... Args>
        requires yoke::callable_with<F, Args...> && yoke::receiver_of<R, yoke::call_result<F, Args...>>
    void execute(R&& receiver, F&& f, Args&&... args) {
        std::visit(
            [&](auto* one) {
                one->execute(std::forward<R>(receiver), std::forward<F>(f), std::forward<Args>(args)...);
            },
            which_);
    }
    void shutdown() {}
    void shutdown(yoke::cancel_pending_t) {}
    [[nodiscard]] std::size_t concurrency() const {
        return std::visit([](auto* one) { return one->concurrency(); }, which_);
    }

private:
    choice which_;
};

void dawdle(std::uint32_t x) {
    for (std::uint32_t n = x * 2654435761U >> 29; n > 4; --n) std::this_thread::yield();
}

struct plan {
    std::uint32_t seed = 0;
    int items = 0;
    std::size_t limits[4]{};
    std::size_t batch = 1;
    std::size_t bound = 0;
    int fails_at = -1;  // at this item the second stage throws
    int stops_at = -1;  // at this item the third stage asks for a stop
    bool set_aside = false;
    bool drain = false;
};

/// What the loop gives for one item: as many copies as its number says.
std::vector<int> copies(int x) { return std::vector<int>(static_cast<std::size_t>(x % 4), x); }

std::vector<int> expected(const plan& p, int items) {
    std::vector<int> all;
    for (int x = 0; x != items; ++x) {
        if (x % 7 == 0 || (p.set_aside && x == p.fails_at)) continue;
        for (const int y : copies(x)) all.push_back(y);
    }
    return all;
}

template <class First, class Second, class Third>
void run(const plan& p, First& first, Second& second, Third& third) {
    std::stop_source stop;
    int asked = 0;
    std::vector<yoke::failed_item> failed;
    yoke::pipeline_statistics statistics;
    const yoke::pipeline_options options{
        .items = p.bound,
        .stop = stop.get_token(),
        .on_stop = p.drain ? yoke::stop_policy::drain : yoke::stop_policy::now,
        .on_error = p.set_aside ? yoke::error_policy::set_aside : yoke::error_policy::stop,
        .failed = &failed,
        .statistics = &statistics};
    std::vector<int> results;
    bool ended = false;
    try {
        yoke::from([&]() -> std::optional<token> {
            if (asked == p.items) return std::nullopt;
            return token(asked++);
        }) |
            yoke::stage(first,
                        [](token t) {
                            dawdle(static_cast<std::uint32_t>(t.value()));
                            return t;
                        },
                        {.limit = p.limits[0]}) |
            yoke::filter([](const token& t) { return t.value() % 7 != 0; }) |
            yoke::stage(
                second,
                [&p](token t) {
                    if (t.value() == p.fails_at) throw std::runtime_error("planned");
                    std::vector<token> all;
                    for (const int x : copies(t.value())) all.emplace_back(x);
                    return all;
                },
                {.limit = p.limits[1]}, yoke::longest_first([&p](const token& t) {
                    return static_cast<std::uint32_t>(t.value()) * 40503U % (p.seed | 1U);
                })) |
            yoke::flatten() | yoke::batch(p.batch) |
            yoke::stage(third,
                        [](std::vector<token> all) {
                            dawdle(static_cast<std::uint32_t>(all.size()));
                            return all;
                        },
                        {.limit = p.limits[2]}) |
            yoke::flatten() |
            yoke::stage(first,
                        [&](token t) {
                            if (t.value() == p.stops_at) stop.request_stop();
                            return t.value();
                        },
                        {.limit = p.limits[3]}) |
            yoke::for_each_result([&](int x) { results.push_back(x); }, options);
        ended = true;
    } catch (const yoke::stage_error& error) {
        REQUIRE(p.fails_at >= 0);
        REQUIRE_FALSE(p.set_aside);
        CHECK(error.stage() == 2);
        CHECK(std::string(error.what()).find("planned") != std::string::npos);
    } catch (const yoke::cancelled&) {
        REQUIRE(p.stops_at >= 0);
        REQUIRE_FALSE(p.drain);
    }
    CHECK(token::alive == 0);
    const auto all = expected(p, asked);
    if (ended) {
        CHECK(results == all);
        CHECK(statistics.items_out == all.size());
    } else {
        // What got out before is the beginning.
        CHECK(std::equal(results.begin(), results.end(), all.begin()));
    }
    CHECK(statistics.items_in == static_cast<std::uint64_t>(asked));
    CHECK(failed.size() == (p.set_aside ? statistics.errors : 0));
}

}  // namespace

TEST_CASE("random pipelines give what the loop gives, or say why not", "[concurrent]") {
    yoke::inline_executor here;
    yoke::thread_pool two(2);
    yoke::thread_pool one(1);
    yoke::basic_thread_pool<yoke::fifo> in_turn(3);
    yoke::thread_pool distant(2);
    std::minstd_rand random(20261123);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    const auto any = [&] {
        switch (below(4)) {
        case 0: return any_local_executor(&here);
        case 1: return any_local_executor(&two);
        case 2: return any_local_executor(&one);
        default: return any_local_executor(&in_turn);
        }
    };
    for (int round = 0; round != 150; ++round) {
        plan p;
        p.seed = below(1'000);
        p.items = static_cast<int>(below(600));
        for (std::size_t& limit : p.limits) limit = below(4);
        p.batch = 1 + below(9);
        p.bound = below(3) == 0 ? 0 : 1 + below(40);
        if (below(3) == 0) p.fails_at = static_cast<int>(below(600));
        if (below(3) == 0) p.stops_at = static_cast<int>(below(600));
        p.set_aside = below(2) == 0;
        p.drain = below(2) == 0;
        any_local_executor first = any();
        any_local_executor second = any();
        any_local_executor third = any();
        remote_executor far(distant);
        INFO("round " << round);
        const auto all = [&] {
            if (below(2) == 0) {
                run(p, first, second, far);
            } else {
                run(p, first, second, third);
            }
        };
        if (p.fails_at % 7 == 0) p.fails_at = -1;  // the filter takes those
        if (below(4) == 0) {
            // On the only thread of a pool that the stages may use, too.
            std::exception_ptr error;
            one.submit([&] {
                   try {
                       all();
                   } catch (...) {
                       error = std::current_exception();
                   }
               })
                .get();
            if (error) std::rethrow_exception(error);
        } else {
            all();
        }
    }
}
