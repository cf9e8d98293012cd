// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/wire/stream.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using yoke::wire_reader;
using yoke::wire_writer;

namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

template <class F>
std::string decode_failure(F f) {
    try {
        f();
    } catch (const yoke::decode_error& e) {
        return e.what();
    }
    return "no decode_error";
}

}  // namespace

TEST_CASE("a writer without room counts, one with room writes the same number of bytes") {
    const auto write = [](wire_writer& out) {
        out.number(std::uint16_t{7});
        out.length(3);
        out.bytes("abc", 3);
        out.number(2.5);
        out.bytes(nullptr, 0);
    };
    wire_writer count;
    write(count);
    REQUIRE(count.counting());
    REQUIRE(count.size() == 2 + 8 + 3 + 8);

    std::vector<std::byte> room(count.size());
    wire_writer out(room);
    REQUIRE_FALSE(out.counting());
    write(out);
    REQUIRE(out.size() == room.size());

    wire_reader in(room);
    REQUIRE(in.number<std::uint16_t>("a number") == 7);
    REQUIRE(in.length("a length") == 3);
    std::array<char, 3> text{};
    in.bytes_into(text.data(), text.size(), "a text");
    REQUIRE(std::string(text.data(), 3) == "abc");
    REQUIRE(in.number<double>("a number") == 2.5);
    in.expect_end("the record");
    REQUIRE(in.remaining() == 0);
    REQUIRE(in.position() == room.size());
}

TEST_CASE("a writer never leaves its room") {
    std::array<std::byte, 10> memory{};
    memory[8] = std::byte{99};
    wire_writer out(std::span<std::byte>(memory).first(8));
    out.number(std::uint32_t{1});
    REQUIRE_THROWS_AS(out.number(std::uint64_t{~0ULL}), yoke::message_too_large);
    // Volatile, as compilers warn about a copy of everything.
    const volatile std::size_t everything = std::numeric_limits<std::size_t>::max();
    REQUIRE_THROWS_AS(out.bytes(memory.data(), everything), yoke::message_too_large);
    REQUIRE(out.size() == 4);
    out.number(std::uint32_t{2});
    REQUIRE(memory[8] == std::byte{99});
    try {
        out.number(char{1});
        FAIL();
    } catch (const yoke::message_too_large& e) {
        REQUIRE_THAT(e.what(), ContainsSubstring("cannot encode 1 bytes at byte 8: the room has 8"));
    }

    wire_writer nowhere{std::span<std::byte>()};
    REQUIRE_FALSE(nowhere.counting());
    REQUIRE_THROWS_AS(nowhere.number(char{1}), yoke::message_too_large);
    nowhere.bytes(nullptr, 0);
    REQUIRE(nowhere.size() == 0);
}

TEST_CASE("a reader never leaves its bytes, and says what, where and how many") {
    const auto data = bytes_of({1, 2, 3});
    wire_reader in(data);
    REQUIRE(in.number<unsigned char>("a byte") == 1);
    REQUIRE_THAT(decode_failure([&] { static_cast<void>(in.number<int>("a year")); }),
                 ContainsSubstring("cannot decode a year at byte 1 of 3: 4 bytes are needed, 2 are left"));
    REQUIRE_THROWS_AS(in.bytes(std::numeric_limits<std::size_t>::max(), "all"), yoke::decode_error);
    REQUIRE(in.remaining() == 2);
    REQUIRE_THAT(decode_failure([&] { in.expect_end("a year"); }),
                 ContainsSubstring("2 bytes are left over"));
    REQUIRE(in.bytes(2, "the rest").size() == 2);
    REQUIRE(in.bytes(0, "nothing").empty());
    in.expect_end("a year");

    wire_reader empty{std::span<const std::byte>()};
    empty.expect_end("nothing");
    REQUIRE_THROWS_AS(empty.flag("a flag"), yoke::decode_error);
    REQUIRE(empty.bytes(0, "nothing").empty());
}

TEST_CASE("flags and indices have a range") {
    const auto data = bytes_of({0, 1, 2, 3, 0, 0, 0});
    wire_reader in(data);
    REQUIRE_FALSE(in.flag("a flag"));
    REQUIRE(in.flag("a flag"));
    REQUIRE_THAT(decode_failure([&] { static_cast<void>(in.flag("a flag")); }),
                 ContainsSubstring("cannot decode a flag at byte 2 of 7: it is 2, not 0 or 1"));
    REQUIRE(in.number<unsigned char>("a byte") == 2);
    REQUIRE_THAT(decode_failure([&] { static_cast<void>(in.index(3, "an index")); }),
                 ContainsSubstring("it is 3, the limit is 3"));
    REQUIRE(in.index(4, "an index") == 3);
}

TEST_CASE("a length that the bytes cannot hold is refused before anybody allocates") {
    for (const std::uint64_t hostile : {std::uint64_t{5}, std::uint64_t{1} << 32, std::uint64_t{1} << 61,
                                        std::numeric_limits<std::uint64_t>::max()}) {
        std::vector<std::byte> data(8 + 16);
        wire_writer out(data);
        out.number(hostile);
        wire_reader in(data);
        REQUIRE_THAT(decode_failure([&] { static_cast<void>(in.length("a length", 4)); }),
                     ContainsSubstring("elements of 4 bytes or more, and 16 bytes are left"));
        REQUIRE(in.position() == 0);
    }
    std::vector<std::byte> data(8 + 16);
    wire_writer out(data);
    out.length(4);
    wire_reader in(data);
    REQUIRE(in.length("a length", 4) == 4);
}

TEST_CASE("nesting is bounded on both sides") {
    wire_writer out;
    std::vector<std::unique_ptr<wire_writer::level>> written;
    for (std::size_t i = 0; i < yoke::wire_depth_limit; ++i)
        written.push_back(std::make_unique<wire_writer::level>(out));
    REQUIRE_THROWS_AS(wire_writer::level(out), yoke::message_too_large);
    written.pop_back();
    REQUIRE_NOTHROW(wire_writer::level(out));

    wire_reader in{std::span<const std::byte>()};
    std::vector<std::unique_ptr<wire_reader::level>> read;
    for (std::size_t i = 0; i < yoke::wire_depth_limit; ++i)
        read.push_back(std::make_unique<wire_reader::level>(in));
    REQUIRE_THROWS_AS(wire_reader::level(in), yoke::decode_error);
    read.pop_back();
    REQUIRE_NOTHROW(wire_reader::level(in));
}
