// SPDX-License-Identifier: MIT
//
// wire_reader: whatever is asked of it, in whatever order, of whatever bytes, it stays within them.
#include "fuzz.hpp"

#include <yoke/wire/stream.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace {

using yoke::wire_reader;
using yoke_fuzz::check;

/// One thing a decoder may do; the low bits say which.
void step(wire_reader& in, unsigned what, unsigned more) {
    switch (what % 8) {
    case 0: {
        const auto taken = in.bytes(more, "bytes");
        check(taken.size() == more, "bytes() gave another number of bytes");
        unsigned sum = 0;
        for (const std::byte each : taken) sum += static_cast<unsigned>(each);
        check(sum <= 255 * more, "a byte is more than a byte");
        break;
    }
    case 1: static_cast<void>(in.number<std::uint64_t>("a number")); break;
    case 2: static_cast<void>(in.number<short>("a short number")); break;
    case 3: static_cast<void>(in.flag("a flag")); break;
    case 4: check(in.index(more + 1, "an index") <= more, "index() beyond its limit"); break;
    case 5: {
        const std::size_t count = in.length("a length", 1 + more % 64);
        check(count * (1 + more % 64) <= in.remaining(), "length() beyond what is left");
        break;
    }
    case 6: {
        char target[256];
        in.bytes_into(target, more, "a text");
        break;
    }
    default: in.expect_end("all of it");
    }
}

}  // namespace

/// A byte of how many steps there are, two bytes for each, and then what is read. The run ends at the last of a few failed
/// steps: a reader that failed stays where it was, so the next failures are the same again, and an exception under a
/// sanitizer costs more than all the rest.
void yoke_fuzz::run(std::span<const std::byte> input) {
    if (input.empty()) return;
    const std::size_t steps =
        std::min<std::size_t>(static_cast<std::size_t>(input[0]), (input.size() - 1) / 2);
    const auto program = input.subspan(1, 2 * steps);
    wire_reader in(input.subspan(1 + 2 * steps));
    const std::size_t all = in.remaining();
    std::optional<wire_reader::level> level;
    int failures_left = 4;
    for (std::size_t i = 0; i != steps && failures_left != 0; ++i) {
        const auto what = static_cast<unsigned>(program[2 * i]);
        if (what % 16 == 15) level.emplace(in);
        const std::size_t before = in.position();
        try {
            step(in, what, static_cast<unsigned>(program[2 * i + 1]));
            check(in.position() >= before, "the reader went back");
        } catch (const yoke::decode_error&) {
            check(in.position() == before, "the reader moved although it failed");
            --failures_left;
        }
        check(in.position() + in.remaining() == all, "position and rest do not add up");
    }
}

std::vector<std::vector<std::byte>> yoke_fuzz::seeds() {
    const auto of = [](std::initializer_list<int> values) {
        std::vector<std::byte> bytes;
        for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
        return bytes;
    };
    return {of({0}), of({2, 5, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c'}),
            of({4, 3, 0, 4, 9, 1, 0, 7, 0, 1, 5, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}),
            of({3, 15, 0, 6, 4, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9})};
}
