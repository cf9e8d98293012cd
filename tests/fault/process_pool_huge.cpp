// SPDX-License-Identifier: MIT
// labels: process serial
//
// Calls and results of more than 2 GiB: the last line of row C12 of the list of faults. Their bytes lie in the shared memory
// and nowhere else, so 2 GiB of memory are enough. Not under a sanitizer, which would take minutes.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

namespace {

constexpr std::uint64_t two_gib = std::uint64_t{1} << 31;
constexpr std::uint64_t piece = std::uint64_t{1} << 20;

/// So many bytes of a pattern.
struct pattern {
    std::uint64_t bytes = 0;
    bool right = true;  ///< what was read
};
std::string some_of_it() {
    std::string text(piece, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 >> 3);
    return text;
}

std::uint64_t available_memory() {
    std::ifstream file("/proc/meminfo");
    std::string name;
    std::uint64_t kib = 0;
    std::string unit;
    while (file >> name >> kib >> unit)
        if (name == "MemAvailable:") return kib << 10;
    return 0;
}

}  // namespace

template <>
struct yoke::codec<pattern> {
    static std::size_t size(const pattern& value) { return sizeof(std::uint64_t) + value.bytes; }
    static void encode(wire_writer& out, const pattern& value) {
        out.length(value.bytes);
        const std::string text = some_of_it();
        for (std::uint64_t left = value.bytes; left != 0;) {
            const std::uint64_t next = std::min(left, piece);
            out.bytes(text.data(), next);
            left -= next;
        }
    }
    static pattern decode(wire_reader& in) {
        pattern value{in.length("a pattern"), true};
        const std::string text = some_of_it();
        for (std::uint64_t left = value.bytes; left != 0;) {
            const std::uint64_t next = std::min(left, piece);
            const auto read = in.bytes(next, "a piece of a pattern");
            value.right = value.right && std::memcmp(read.data(), text.data(), next) == 0;
            left -= next;
        }
        return value;
    }
};

TEST_CASE("a call and a result of more than 2 GiB come through whole", "[process]") {
    if (yoke_test::patience != 1) {
        WARN("skipped: messages of more than 2 GiB, because a sanitizer would take minutes for them");
        return;
    }
    constexpr std::uint64_t needed = 2 * two_gib;
    if (available_memory() < needed) {
        WARN("skipped: messages of more than 2 GiB, because there are only " << (available_memory() >> 20)
                                                                             << " MiB of memory, not 4096");
        return;
    }
    const yoke_test::watchdog dog("messages of more than 2 GiB", std::chrono::seconds(50));
    yoke::process_pool pool(1);
    const auto in_use = yoke::detail::process_host::instance().arena().used();
    // There; the result is small.
    REQUIRE(pool.submit([](const pattern& p) { return p.right ? p.bytes : 0; }, pattern{two_gib + 1}).get() ==
            two_gib + 1);
    // Back; the call is small.
    const pattern back = pool.submit([](std::uint64_t bytes) { return pattern{bytes}; }, two_gib + 1).get();
    REQUIRE(back.bytes == two_gib + 1);
    REQUIRE(back.right);
    REQUIRE(yoke::detail::process_host::instance().arena().used() == in_use);
}
