// SPDX-License-Identifier: MIT
#include <yoke/concept/queue.hpp>

#include "catch.hpp"

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace {

/// The least a queue of strings can be.
struct slot_queue {
    std::optional<std::string> slot;
    bool closed = false;

    bool push(std::string&& item) { return try_push(std::move(item)); }
    bool push(yoke::poison_pill_t) { return !closed; }
    bool try_push(std::string&& item) {
        if (closed || slot) return false;
        slot = std::move(item);
        return true;
    }
    std::optional<std::string> pop() { return std::exchange(slot, std::nullopt); }
    std::optional<std::string> try_pop() { return pop(); }
    void close() { closed = true; }
    [[nodiscard]] bool is_closed() const { return closed; }
};

/// Only its taking end.
struct tap {
    std::optional<int> pop() { return std::nullopt; }
};

struct returns_no_optional {
    int pop() { return 0; }
};

}  // namespace

TEST_CASE("A queue is told by its members") {
    STATIC_REQUIRE(yoke::queue_of<slot_queue, std::string>);
    STATIC_REQUIRE(std::is_same_v<yoke::queue_value<slot_queue>, std::string>);
    STATIC_REQUIRE_FALSE(yoke::queue_of<slot_queue, int>);
    STATIC_REQUIRE_FALSE(yoke::queue_of<tap, int>);
    STATIC_REQUIRE_FALSE(yoke::queue_source<int>);
}

TEST_CASE("What only pops is a source, and pop must be able to return nothing") {
    STATIC_REQUIRE(yoke::queue_source<slot_queue>);
    STATIC_REQUIRE(yoke::queue_source<tap>);
    STATIC_REQUIRE_FALSE(yoke::queue_source<returns_no_optional>);
}

TEST_CASE("Nothing converts to a poison pill by accident") {
    STATIC_REQUIRE_FALSE(std::is_convertible_v<int, yoke::poison_pill_t>);
    STATIC_REQUIRE(std::is_empty_v<yoke::poison_pill_t>);
    slot_queue queue;
    CHECK(queue.push(yoke::poison_pill));
}
