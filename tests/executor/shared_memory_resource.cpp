// SPDX-License-Identifier: MIT
// labels: process
#include "catch.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/shared_memory_resource.hpp>

#include <cstdint>
#include <memory_resource>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using words = std::pmr::vector<std::pmr::string>;

long sum_of(yoke::shared_span<const int> numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0L);
}
void double_all(yoke::shared_span<int> numbers) {
    for (int& n : numbers) n *= 2;
}
std::uintptr_t address_of(yoke::shared_span<const int> numbers) {
    return reinterpret_cast<std::uintptr_t>(numbers.data());
}

}  // namespace

TEST_CASE("workers read a vector of the program where it lies", "[process]") {
    yoke::shared_memory_resource shared;
    std::pmr::vector<int> numbers(100'000, &shared);
    std::iota(numbers.begin(), numbers.end(), 0);
    yoke::process_pool pool(2);
    const yoke::shared_span<const int> view(numbers);
    REQUIRE(pool.submit(sum_of, view).get() == 100'000L * 99'999 / 2);
    REQUIRE(pool.submit(address_of, view).get() == reinterpret_cast<std::uintptr_t>(numbers.data()));
    REQUIRE(pool.submit(sum_of, view.first(10)).get() == 45);
    REQUIRE(pool.submit(sum_of, view.last(1)).get() == 99'999);
    numbers[0] = 1000;  // no copy was made, so the workers see it
    REQUIRE(pool.submit(sum_of, view.subspan(0, 1)).get() == 1000);
}

TEST_CASE("what a worker writes through a span is there for the program", "[process]") {
    yoke::shared_memory_resource shared;
    std::pmr::vector<int> numbers({1, 2, 3}, &shared);
    yoke::process_pool pool(1);
    pool.submit(double_all, yoke::shared_span<int>(numbers)).get();
    REQUIRE(numbers == std::pmr::vector<int>{2, 4, 6});
}

TEST_CASE("memory made before and after a pool is seen by its workers alike", "[process]") {
    yoke::process_pool pool(1);
    yoke::shared_memory_resource shared;
    for (const std::size_t size : {1U, 100U, 10'000U, 3'000'000U}) {
        std::pmr::vector<int> numbers(size, 3, &shared);
        REQUIRE(pool.submit(sum_of, yoke::shared_span<const int>(numbers)).get() ==
                3 * static_cast<long>(size));
    }
}

TEST_CASE("a span of memory that is not shared is refused, and says what to do", "[process]") {
    std::vector<int> private_numbers(10);
    REQUIRE_THROWS_AS(yoke::shared_span<const int>(private_numbers), std::invalid_argument);
    REQUIRE_THROWS_WITH(yoke::shared_span<const int>(private_numbers),
                        Catch::Matchers::ContainsSubstring("shared_memory_resource"));
    yoke::shared_memory_resource shared;
    std::pmr::vector<int> numbers(10, &shared);
    REQUIRE_THROWS_AS(yoke::shared_span<int>(numbers.data(), SIZE_MAX / 8), std::invalid_argument);
    REQUIRE(yoke::shared_span<int>().empty());
}

TEST_CASE("a part of a span lies within it or is refused", "[process]") {
    yoke::shared_memory_resource shared;
    std::pmr::vector<int> numbers({1, 2, 3}, &shared);
    const yoke::shared_span<const int> view(numbers);
    REQUIRE(view.subspan(3).empty());
    REQUIRE(view.subspan(1)[0] == 2);
    REQUIRE_THROWS_AS(view.subspan(4), std::out_of_range);
    REQUIRE_THROWS_AS(view.subspan(2, 2), std::out_of_range);
    REQUIRE_THROWS_AS(view.last(4), std::out_of_range);
}

TEST_CASE("nested containers grow in shared memory, and all of it comes back", "[process]") {
    yoke::shared_memory_resource shared;
    const std::size_t before = shared.bytes_in_use();
    {
        words all(&shared);
        for (int i = 0; i < 500; ++i) all.emplace_back(std::string(static_cast<std::size_t>(i), 'x'));
        REQUIRE(shared.bytes_in_use() > before + 500 * 499 / 2);
        REQUIRE(all[499].size() == 499);
    }
    REQUIRE(shared.bytes_in_use() == before);
}

TEST_CASE("several threads may allocate at once", "[process]") {
    yoke::shared_memory_resource shared;
    const std::size_t before = shared.bytes_in_use();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&shared] {
            for (std::size_t size = 1; size < 300; ++size) {
                std::pmr::vector<std::size_t> numbers(size * 7, size, &shared);
                if (numbers.back() != size) std::abort();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(shared.bytes_in_use() == before);
}

TEST_CASE("a worker cannot allocate shared memory, and its error says so", "[process]") {
    yoke::process_pool pool(1);
    auto out = pool.submit([] { const yoke::shared_memory_resource of_its_own; });
    REQUIRE_THROWS_AS(out.get(), yoke::deadlock_error);
}
