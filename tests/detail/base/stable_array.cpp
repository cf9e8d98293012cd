// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/base/stable_array.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using yoke::detail::stable_array;

TEST_CASE("elements stay where they are while the array grows") {
    stable_array<int> numbers;
    REQUIRE(numbers.size() == 0);
    std::vector<int*> places;
    for (int i = 0; i != 100; ++i) places.push_back(&numbers.add(i));
    REQUIRE(numbers.size() == 100);
    for (int i = 0; i != 100; ++i) {
        REQUIRE(numbers[static_cast<std::size_t>(i)] == i);
        REQUIRE(&numbers[static_cast<std::size_t>(i)] == places[static_cast<std::size_t>(i)]);
    }
}

TEST_CASE("elements are destroyed once, and one that cannot be made is not there") {
    static int alive = 0;
    struct counted {
        explicit counted(bool fail) {
            if (fail) throw std::runtime_error("no");
            ++alive;
        }
        ~counted() { --alive; }
    };
    {
        stable_array<counted> some;
        for (int i = 0; i != 9; ++i) {
            some.add(false);
            REQUIRE_THROWS_AS(some.add(true), std::runtime_error);
        }
        REQUIRE(some.size() == 9);
        REQUIRE(alive == 9);
    }
    REQUIRE(alive == 0);
}

TEST_CASE("many may read while one adds", "[concurrent]") {
    for (int round = 0; round != 20; ++round) {
        stable_array<std::size_t> numbers;
        std::atomic<bool> wrong{false};
        std::vector<std::thread> readers;
        for (int r = 0; r != 3; ++r) {
            readers.emplace_back([&] {
                for (std::size_t seen = 0; seen != 500;) {
                    seen = numbers.size();
                    for (std::size_t i = 0; i != seen; ++i)
                        if (numbers[i] != 3 * i) wrong = true;
                }
            });
        }
        for (std::size_t i = 0; i != 500; ++i) numbers.add(3 * i);
        for (auto& reader : readers) reader.join();
        REQUIRE_FALSE(wrong);
    }
}
