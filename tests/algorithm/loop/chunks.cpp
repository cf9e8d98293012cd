// SPDX-License-Identifier: MIT
#include <yoke/algorithm/loop/chunks.hpp>

#include <yoke/concept/archetypes.hpp>
#include <yoke/executor/inline_executor.hpp>

#include "catch.hpp"
#include "support/executors.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

using yoke::detail::chunk_sizer;
using yoke::detail::chunk_window;

namespace {

/// A forward iterator that makes its values up.
struct squares {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int at = 0;
    int operator*() const { return at * at; }
    squares& operator++() {
        ++at;
        return *this;
    }
    squares operator++(int) { return {at++}; }
    bool operator==(const squares&) const = default;
};
static_assert(std::forward_iterator<squares>);

using yoke::detail::in_place;
static_assert(in_place<yoke::inline_executor, std::vector<int>::iterator>);
static_assert(in_place<yoke::inline_executor, std::list<int>::const_iterator>);
static_assert(in_place<yoke::inline_executor, int*>);
static_assert(!in_place<yoke::inline_executor, std::istream_iterator<int>>);
static_assert(!in_place<yoke::inline_executor, squares>);
static_assert(!in_place<yoke::inline_executor, std::vector<bool>::iterator>);
static_assert(!in_place<yoke::archetype::minimal_executor, int*>);

}  // namespace

TEST_CASE("A fixed size of chunks stays") {
    chunk_sizer sizer(7, 4);
    CHECK(sizer.next(std::nullopt) == 7);
    sizer.learn(7, 1'000'000'000);
    CHECK(sizer.next(3) == 7);
}

TEST_CASE("Slow items get chunks of one") {
    chunk_sizer sizer(0, 2);
    CHECK(sizer.next(1000) == 1);
    sizer.learn(1, 10'000'000);
    CHECK(sizer.next(1000) == 1);
    CHECK(sizer.next(std::nullopt) == 1);
}

TEST_CASE("Cheap items get larger chunks step by step, up to the time aimed at") {
    chunk_sizer sizer(0, 2);
    std::size_t size = 1;
    for (int i = 0; i < 20; ++i) {
        const std::size_t next = sizer.next(std::nullopt);
        CHECK(next >= size);
        CHECK(next <= 4 * size);
        size = next;
        sizer.learn(size, static_cast<std::int64_t>(size) * 10);  // 10 ns an item
    }
    CHECK(size == 10'000);
}

TEST_CASE("Items that turn out slower get smaller chunks again") {
    chunk_sizer sizer(0, 1);
    for (int i = 0; i < 10; ++i) sizer.learn(sizer.next(std::nullopt), 100);
    const auto large = sizer.next(std::nullopt);
    for (int i = 0; i < 30; ++i) sizer.learn(large, static_cast<std::int64_t>(large) * 50'000);
    CHECK(sizer.next(std::nullopt) == 2);
}

TEST_CASE("What is left is shared out evenly") {
    chunk_sizer sizer(0, 4);
    for (int i = 0; i < 10; ++i) sizer.learn(sizer.next(std::nullopt), 0);
    CHECK(sizer.next(std::nullopt) > 100'000);
    CHECK(sizer.next(800) == 100);
    CHECK(sizer.next(8) == 1);
    CHECK(sizer.next(0) == 1);
}

TEST_CASE("A window of chunks that was asked for stays") {
    chunk_window window(3, true, 4);
    CHECK(window.size() == 3);
    for (int i = 0; i < 100; ++i) window.completed(1);
    CHECK(window.size() == 3);
}

TEST_CASE("Of chunks whose size is chosen each worker has two") {
    chunk_window window(0, false, 4);
    for (int i = 0; i < 1000; ++i) window.completed(1);
    CHECK(window.size() == 8);
}

TEST_CASE("Of short chunks more are under way, one more for each that completes") {
    chunk_window window(0, true, 2);
    CHECK(window.size() == 4);
    for (std::size_t i = 1; i <= 10; ++i) {
        window.submitted(100);
        CHECK(window.size() == 3 + i);
        window.completed(50);
        CHECK(window.size() == 4 + i);
    }
    for (int i = 0; i < 1000; ++i) window.completed(50);
    CHECK(window.size() == chunk_window::most);
}

TEST_CASE("So many chunks are under way as take each worker 200 us, and no fewer than two") {
    chunk_window window(0, true, 2);
    for (int i = 0; i < 1000; ++i) window.completed(20'000);
    CHECK(window.size() == 20);
    for (int i = 0; i < 1000; ++i) window.completed(5'000'000);
    CHECK(window.size() == 4);
    for (int i = 0; i < 1000; ++i) window.completed(1);
    CHECK(window.size() == chunk_window::most);
}

TEST_CASE("Chunks that take long to submit, as large ones do, are few") {
    chunk_window window(0, true, 2);
    for (int i = 0; i < 1000; ++i) {
        window.submitted(100'000);
        window.completed(50);
    }
    CHECK(window.size() == 4);
}

TEST_CASE("A crew of many workers has two chunks for each, whatever is the most") {
    chunk_window window(0, true, 200);
    for (int i = 0; i < 1000; ++i) window.completed(1);
    CHECK(window.size() == 400);
}

namespace {

/// Four chunks of one item, each on an executor of its own: when the last is submitted the others run, the first of them
/// last. Nobody ever runs the last.
class last_never_runs final : public yoke::detail::chunk_flow<int> {
    using outcome = yoke::detail::timed<int>;

public:
    [[nodiscard]] bool done() const override { return submitted_ == 4; }
    [[nodiscard]] std::pair<yoke::future<outcome>, std::size_t> submit_next(std::size_t) override {
        auto result = yoke::submit(each_[static_cast<std::size_t>(submitted_)],
                                   [number = submitted_] { return outcome(number, 1); });
        if (++submitted_ == 4)
            for (const std::size_t next : {1U, 2U, 0U}) each_[next].run_one();
        return {std::move(result), 1};
    }
    void take(int&& number) override {
        if (number == 2) throw std::domain_error("no place for 2");
        taken.push_back(number);
    }

    std::vector<int> taken;

private:
    int submitted_ = 0;
    std::array<yoke_test::manual_executor, 4> each_;
};

}  // namespace

TEST_CASE("When an early outcome cannot be taken, what is behind it is cancelled") {
    last_never_runs chunks;
    // Without the cancellation this would wait for ever.
    CHECK_THROWS_AS(yoke::detail::run_chunks<int>(chunks, 4, {.chunk = 1, .window = 4}, std::nullopt),
                    std::domain_error);
    CHECK(chunks.taken == std::vector<int>{0, 1});
}
