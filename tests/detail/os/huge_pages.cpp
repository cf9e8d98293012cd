// SPDX-License-Identifier: MIT
#include <yoke/detail/os/huge_pages.hpp>

#include <yoke/wire/codec.hpp>

#include "catch.hpp"

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#if defined(__linux__)
#include <cstdio>
#include <fstream>
#include <iostream>
#endif

using yoke::detail::expect_to_fill;
using yoke::detail::large_page;
using yoke::detail::large_value;

namespace {

std::vector<std::uint32_t> numbers(std::size_t bytes) {
    std::vector<std::uint32_t> all(bytes / sizeof(std::uint32_t));
    std::iota(all.begin(), all.end(), 0U);
    return all;
}

}  // namespace

TEST_CASE("Memory that large pages are asked for keeps what it holds") {
    std::vector<std::uint32_t> filled = numbers(4 * large_page);
    const std::vector<std::uint32_t> before = filled;
    for (const std::size_t from : {std::size_t{0}, std::size_t{1}, large_page / 8}) {
        for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, large_value - 1, large_value}) {
            expect_to_fill(filled.data() + from, bytes);
        }
    }
    CHECK(filled == before);
    expect_to_fill(nullptr, 0);
}

TEST_CASE("Values around the size from which pages are large come back as they were") {
    for (const std::size_t bytes : {large_value - 4, large_value, large_value + 4, 4 * large_page + 12}) {
        const auto sent = numbers(bytes);
        CHECK(yoke::decode_all<std::vector<std::uint32_t>>(yoke::encoded(sent)) == sent);
    }
    const std::string text(large_value + 1, 't');
    CHECK(yoke::decode_all<std::string>(yoke::encoded(text)) == text);
    const std::vector<std::string> texts{"a", text, ""};
    CHECK(yoke::decode_all<std::vector<std::string>>(yoke::encoded(texts)) == texts);
}

#if defined(__linux__)

namespace {

/// Whether large pages were asked for at this address.
bool is_advised(const void* address) {
    std::ifstream maps("/proc/self/smaps");
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    bool here = false;
    for (std::string line; std::getline(maps, line);) {
        unsigned long first = 0;
        unsigned long last = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2)
            here = first <= wanted && wanted < last;
        if (here && line.rfind("VmFlags:", 0) == 0) return line.find(" hg") != std::string::npos;
    }
    return false;
}

}  // namespace

TEST_CASE("A large vector is decoded into memory that large pages were asked for, a small one is not") {
    if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) {
        std::cout << "SKIPPED: this kernel has no transparent huge pages\n";
        return;
    }
    const auto large =
        yoke::decode_all<std::vector<std::uint32_t>>(yoke::encoded(numbers(std::size_t{64} << 20)));
    CHECK(is_advised(large.data() + large.size() / 2));
    const auto small = yoke::decode_all<std::vector<std::uint32_t>>(yoke::encoded(numbers(large_value / 2)));
    CHECK_FALSE(is_advised(small.data() + small.size() / 2));
}

#endif
