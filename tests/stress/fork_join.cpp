// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/algorithm/invoke.hpp>
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

// A sanitizer makes every step ten times as long and every stack frame several times as large.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int patience = 1;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int patience = 1;
#else
constexpr int patience = 10;
#endif
#else
constexpr int patience = 10;
#endif

/// The same numbers in every run.
std::uint64_t mixed(std::uint64_t x) {
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdU;
    x ^= x >> 33;
    return x * 0xc4ceb9fe1a85ec53U;
}

struct counts {
    std::atomic<long> forks{0};
    std::atomic<long> nodes{0};
    std::atomic<long> thrown{0};
    std::atomic<long> caught{0};
    std::atomic<long> submitted{0};
    std::atomic<long> ran{0};
};

/// An irregular tree: nodes fork, submit tasks and wait for them or not, throw and catch.
struct tree {
    yoke::thread_pool& pool;
    counts& seen;

    void operator()(std::uint64_t node, int height) const {
        ++seen.nodes;
        if (height == 0) return;
        const std::uint64_t random = mixed(node);
        const int left = height - 1 - static_cast<int>(random % 2);
        const auto below = [&](std::uint64_t child, int at) {
            (*this)(mixed(node * 2 + child), at < 0 ? 0 : at);
        };
        ++seen.forks;
        switch (random / 2 % 32) {
        case 0:  // a task that is waited for, which forks too
            ++seen.submitted;
            pool.invoke([&] { pool.submit([&] { ++seen.ran, below(0, left); }).get(); },
                        [&] { below(1, height - 1); });
            break;
        case 1:  // a task that nobody waits for
            ++seen.submitted;
            pool.detach([&ran = seen.ran] { ++ran; });  // perhaps after this object
            pool.invoke([&] { below(0, left); }, [&] { below(1, height - 1); });
            break;
        case 2:  // both sides throw: one of them or both are told
            try {
                pool.invoke(
                    [&] {
                        below(0, left);
                        ++seen.thrown;
                        throw 1;
                    },
                    [&] {
                        below(1, left);
                        ++seen.thrown;
                        throw 2;
                    });
            } catch (int) {
                ++seen.caught;
            } catch (const yoke::task_errors& both) {
                seen.caught += static_cast<long>(both.errors().size());
            }
            break;
        default: pool.invoke([&] { below(0, left); }, [&] { below(1, height - 1); });
        }
    }
};

}  // namespace

TEST_CASE("an irregular tree of forks, throws and submissions is counted exactly", "[concurrent]") {
    for (const std::size_t threads : {1U, 2U, 4U, 64U}) {
        counts seen;
        {
            yoke::thread_pool pool(threads);
            tree grow{pool, seen};
            for (std::uint64_t root = 1; root <= static_cast<std::uint64_t>(patience) * 2; ++root) {
                if (root % 2 == 0) {
                    pool.invoke([&] { grow(root, 18); });
                } else {
                    pool.take_part([&] { grow(root, 18); });
                }
            }
        }
        CHECK(seen.ran == seen.submitted);
        CHECK(seen.thrown == seen.caught);
        CHECK(seen.nodes > seen.forks);
    }
}

TEST_CASE("a million forks of a full tree, by callers from outside and inside at once", "[concurrent]") {
    yoke::thread_pool pool(3);
    struct full {
        yoke::thread_pool& pool;
        long operator()(int height) const {
            if (height == 0) return 1;
            const auto [a, b] = yoke::invoke(
                pool, [&] { return (*this)(height - 1); }, [&] { return (*this)(height - 1); });
            return a + b;
        }
    };
    constexpr int height = patience == 1 ? 14 : 17;
    std::vector<std::thread> callers;
    std::atomic<long> leaves{0};
    for (int c = 0; c != 8; ++c) {
        callers.emplace_back([&, c] {
            leaves += c % 2 == 0 ? pool.invoke([&] { return full{pool}(height); })
                                 : pool.take_part([&] { return full{pool}(height); });
        });
    }
    for (auto& caller : callers) caller.join();
    REQUIRE(leaves == 8L << height);
}

TEST_CASE("short forks find sleeping workers, over and over", "[concurrent]") {
    // The second call waits for the first to begin and the first for the second: one lost wake and it hangs.
    yoke::thread_pool pool(2);
    for (int round = 0; round != 2000 * patience; ++round) {
        std::atomic<int> met{0};
        const auto meet = [&] {
            if (++met == 2) met.notify_all();
            for (int now = met.load(); now != 2; now = met.load()) met.wait(now);
        };
        pool.invoke(meet, meet);
        REQUIRE(met == 2);
    }
}

TEST_CASE("groups of tasks that fork come and go", "[concurrent]") {
    yoke::thread_pool pool(3);
    std::atomic<long> count{0};
    for (int round = 0; round != 50 * patience; ++round) {
        yoke::task_group group(pool);
        for (int i = 0; i != 10; ++i) {
            group.run([&] {
                pool.invoke([&] { ++count; }, [&] { group.run([&] { ++count; }); }, [&] { ++count; });
            });
        }
        group.wait();
    }
    REQUIRE(count == 50L * patience * 30);
}
