// SPDX-License-Identifier: MIT
// labels: concurrent
#include "catch.hpp"

#include <yoke/detail/future/block_cache.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

using yoke::detail::allocate_block;
using yoke::detail::block_size;
using yoke::detail::deallocate_block;

TEST_CASE("blocks are as large as asked for, aligned, and nobody else's") {
    std::set<void*> blocks;
    for (int i = 0; i != 1000; ++i) {
        void* const block = allocate_block(block_size);
        REQUIRE(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t) == 0);
        std::memset(block, 0x5a, block_size);
        REQUIRE(blocks.insert(block).second);
    }
    for (void* const block : blocks) deallocate_block(block, block_size);
    for (const std::size_t bytes : {std::size_t{1}, block_size + 1, std::size_t{100'000}}) {
        void* const other = allocate_block(bytes);
        std::memset(other, 0x5a, bytes);
        deallocate_block(other, bytes);
    }
}

#if !defined(YOKE_ADDRESS_SANITIZER)
TEST_CASE("a block that was given back is the next one") {
    void* const block = allocate_block(block_size);
    deallocate_block(block, block_size);
    void* const again = allocate_block(block_size);
    REQUIRE(again == block);
    deallocate_block(again, block_size);
}
#endif

TEST_CASE("objects with more alignment than a block has get it") {
    struct alignas(256) wide : yoke::detail::in_block {
        char c = 0;
    };
    const auto one = std::make_unique<wide>();
    REQUIRE(reinterpret_cast<std::uintptr_t>(one.get()) % 256 == 0);
}

TEST_CASE("blocks may be given back by other threads, which end, and every one has one owner",
          "[concurrent]") {
    constexpr int rounds = 200;
    constexpr int each = 500;
    std::atomic<int> wrong{0};
    for (int round = 0; round != rounds; ++round) {
        std::array<std::vector<std::uint64_t*>, 2> made;
        const auto make = [&](std::size_t who) {
            for (std::uint64_t i = 0; i != each; ++i)
                made[who].push_back(::new (allocate_block(block_size)) std::uint64_t(who * each + i));
        };
        const auto check = [&](std::size_t whose) {
            std::uint64_t expected = whose * each;
            for (std::uint64_t* const one : made[whose]) {
                if (*one != expected++) ++wrong;
                deallocate_block(one, block_size);
            }
        };
        std::thread first(make, 0);
        std::thread second(make, 1);
        first.join();
        second.join();
        std::thread third(check, 1);
        check(0);
        third.join();
    }
    REQUIRE(wrong == 0);
}
