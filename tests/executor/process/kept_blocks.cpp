// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/executor/process/kept_blocks.hpp>

#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

using yoke::detail::kept_blocks;

namespace {

void* block_of(kept_blocks& kept) {
    void* const block = kept.take();
    return block != nullptr ? block : ::operator new(kept_blocks::size);
}

}  // namespace

TEST_CASE("blocks are not kept before one was wanted") {
    kept_blocks kept;
    kept.give(::operator new(kept_blocks::size));
    REQUIRE_FALSE(kept.any());
    REQUIRE(kept.take() == nullptr);
}

#if !defined(YOKE_ADDRESS_SANITIZER)
TEST_CASE("a block that was given is the next one, until all are cleared away") {
    kept_blocks kept;
    void* const first = block_of(kept);
    void* const second = block_of(kept);
    kept.give(first);
    kept.give(second);
    REQUIRE(kept.any());
    void* const again = kept.take();
    REQUIRE((again == first || again == second));
    kept.clear();
    REQUIRE_FALSE(kept.any());
    kept.give(again);  // to the system
    REQUIRE_FALSE(kept.any());
    REQUIRE(kept.take() == nullptr);
}
#endif

#if !defined(YOKE_ADDRESS_SANITIZER)
TEST_CASE("what was not needed between two looks goes back, and what was stays") {
    kept_blocks kept;
    std::vector<void*> burst(1'000);
    for (void*& block : burst) block = block_of(kept);
    for (void* const block : burst) kept.give(block);
    const auto needs = [&](int blocks) {
        std::vector<void*> now;
        for (int i = 0; i != blocks; ++i) now.push_back(block_of(kept));
        for (void* const block : now) kept.give(block);
    };
    const auto count = [&] {
        std::vector<void*> all;
        while (void* const block = kept.take()) all.push_back(block);
        for (void* const block : all) kept.give(block);
        return all.size();
    };
    // A trickle that never pauses: the burst's memory is gone after two looks.
    for (int look = 0; look != 2; ++look) {
        needs(3);
        static_cast<void>(kept.age());
    }
    needs(3);
    REQUIRE(count() <= 6);
    // Bursts between any two looks: nothing is given back.
    needs(1'000);
    for (int look = 0; look != 4; ++look) {
        static_cast<void>(kept.age());
        needs(1'000);
    }
    REQUIRE(count() == 1'000);
}
#endif

TEST_CASE("every block has one owner, whoever gives it back", "[concurrent]") {
    constexpr int rounds = 2000;
    kept_blocks kept;
    std::mutex mutex;  // of those who take
    std::atomic<int> wrong{0};
    const auto work = [&](unsigned char mark) {
        std::vector<unsigned char*> mine;
        for (int round = 0; round != rounds; ++round) {
            {
                const std::lock_guard lock(mutex);
                if (round % 500 == 499) kept.clear();
                if (round % 100 == 99) static_cast<void>(kept.age());
                for (int i = 0; i != 4; ++i) mine.push_back(static_cast<unsigned char*>(block_of(kept)));
            }
            for (unsigned char* const block : mine) std::memset(block, mark, kept_blocks::size);
            for (unsigned char* const block : mine) {
                if (block[0] != mark || block[kept_blocks::size - 1] != mark) ++wrong;
                kept.give(block);
            }
            mine.clear();
        }
    };
    std::thread one(work, static_cast<unsigned char>(1));
    std::thread two(work, static_cast<unsigned char>(2));
    one.join();
    two.join();
    REQUIRE(wrong == 0);
}
