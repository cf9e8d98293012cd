// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/executor/process/stream_gauge.hpp>

#include <cstdint>

using yoke::detail::stream_gauge;

namespace {

constexpr std::int64_t start = 5'000'000'000;  // of a clock that does not begin at 0

}  // namespace

TEST_CASE("many that come in one span are a stream, at once or bit by bit") {
    stream_gauge at_once;
    REQUIRE(at_once.flows(start, stream_gauge::many));
    stream_gauge bit_by_bit;
    for (std::size_t i = 1; i != stream_gauge::many; ++i)
        REQUIRE_FALSE(bit_by_bit.flows(start + static_cast<std::int64_t>(i), 1));
    REQUIRE(bit_by_bit.flows(start + stream_gauge::span_ns - 1, 1));
}

TEST_CASE("tasks that come one after the other, each waited for, are none") {
    stream_gauge gauge;
    for (int i = 0; i != 1000; ++i) REQUIRE_FALSE(gauge.flows(start + i * 10'000, 1));
}

TEST_CASE("a stream flows on through the span that follows, and has ended after a pause") {
    stream_gauge gauge;
    REQUIRE(gauge.flows(start, stream_gauge::many));
    REQUIRE(gauge.flows(start + stream_gauge::span_ns, 1));
    REQUIRE_FALSE(gauge.flows(start + 2 * stream_gauge::span_ns, 1));
    REQUIRE(gauge.flows(start + 3 * stream_gauge::span_ns, stream_gauge::many));
    REQUIRE_FALSE(gauge.flows(start + 5 * stream_gauge::span_ns, 0));
}
