// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline_source.hpp>

#include "catch.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/queue/bounded_queue.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

TEST_CASE("an lvalue range is used by reference and its elements are copied") {
    std::vector<std::string> words{"one", std::string(100, 'x')};
    const auto plan = yoke::from(words);
    words.push_back("added later");
    CHECK((plan | yoke::collect()) == words);
    CHECK(words[1].size() == 100);

    const std::list<int> constant{1, 2};
    CHECK((yoke::from(constant) | yoke::collect()) == std::vector{1, 2});
    const int array[] = {1, 2, 3};
    CHECK((yoke::from(array) | yoke::collect()) == std::vector{1, 2, 3});
    std::vector<bool> bits{true, false};
    CHECK((yoke::from(bits) | yoke::collect()) == bits);
}

TEST_CASE("an rvalue range is moved in and its elements are moved out") {
    std::vector<std::unique_ptr<int>> pointers;
    pointers.push_back(std::make_unique<int>(1));
    CHECK(*(yoke::from(std::move(pointers)) | yoke::collect()).at(0) == 1);

    std::vector<std::string> words{std::string(100, 'x')};
    const char* const text = words[0].data();
    const auto moved = yoke::from(std::move(words)) | yoke::collect();
    CHECK(moved.at(0).data() == text);
    // Elements that cannot be moved out, because the range has them const, are copied.
    CHECK((yoke::from(std::set<std::string>{"b", "a"}) | yoke::collect()) ==
          std::vector<std::string>{"a", "b"});
}

TEST_CASE("the elements of a view belong to somebody else and are copied") {
    std::vector<std::string> words{std::string(100, 'x')};
    CHECK((yoke::from(std::span(words)) | yoke::collect()) == words);
    CHECK(words[0].size() == 100);
}

TEST_CASE("an input range is read no further than the pipeline asks for") {
    // Walks over a number that somebody else counts: how far it has been read is seen from outside.
    struct counting {
        int* read;
        struct sentinel {};
        struct iterator {
            using value_type = int;
            using difference_type = std::ptrdiff_t;
            int* read;
            int operator*() const { return *read; }
            iterator& operator++() {
                ++*read;
                return *this;
            }
            void operator++(int) { ++*read; }
            bool operator==(sentinel) const { return *read == 1'000; }
        };
        iterator begin() const { return {read}; }
        sentinel end() const { return {}; }
    };
    STATIC_REQUIRE(std::ranges::input_range<counting>);
    int read = 0;
    int out = 0;
    yoke::inline_executor here;
    yoke::from(counting{&read}) | yoke::stage(here, [](int x) { return x; }) |
        yoke::for_each_result(
            [&](int x) {
                CHECK(x == out++);
                CHECK(read < out + 4);
            },
            {.items = 4});
    CHECK(out == 1'000);
}

TEST_CASE("a function that returns an optional is a source until it returns nothing") {
    int calls = 0;
    CHECK((yoke::from([&, n = 3]() mutable -> std::optional<int> {
               ++calls;
               if (n == 0) return std::nullopt;
               return n--;
           }) |
           yoke::collect()) == std::vector{3, 2, 1});
    CHECK(calls == 4);
    std::optional<std::unique_ptr<int>> once = std::make_unique<int>(5);
    CHECK((yoke::from([&] { return std::exchange(once, std::nullopt); }) | yoke::collect()).size() == 1);
}

TEST_CASE("a source is asked only while there is room, so it may be endless", "[concurrent]") {
    yoke::thread_pool pool(2);
    int asked = 0;
    int out = 0;
    int most = 0;
    struct enough {};
    CHECK_THROWS_AS(yoke::from([&] { return std::optional(asked++); }) |
                        yoke::stage(pool, [](int x) { return x; }) |
                        yoke::for_each_result(
                            [&](int) {
                                most = std::max(most, asked - out);
                                if (++out == 10'000) throw enough{};
                            },
                            {.items = 8}),
                    yoke::stage_error);
    CHECK(most <= 8);
}

TEST_CASE("a queue is a source until it is closed and drained", "[concurrent]") {
    yoke::thread_pool pool(2);
    yoke::bounded_queue<std::unique_ptr<int>> queue(4);
    std::jthread producer([&] {
        for (int i = 0; i != 1'000; ++i) queue.push(std::make_unique<int>(i));
        queue.close();
    });
    const auto results =
        yoke::from(queue) | yoke::stage(pool, [](std::unique_ptr<int> x) { return *x; }) | yoke::collect();
    REQUIRE(results.size() == 1'000);
    CHECK(std::is_sorted(results.begin(), results.end()));
}

TEST_CASE("a poison pill in a queue ends the pipeline that takes it and no other") {
    yoke::bounded_queue<int> queue(8);
    queue.push(1);
    queue.push(yoke::poison_pill);
    queue.push(2);
    CHECK((yoke::from(queue) | yoke::collect()) == std::vector{1});
    queue.close();
    CHECK((yoke::from(queue) | yoke::collect()) == std::vector{2});
}
