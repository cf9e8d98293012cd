// SPDX-License-Identifier: MIT
#pragma once

/// A fuzz target: what one input does, and a few inputs to begin with. driver.cpp runs it.
///
/// A target says that something is wrong by `check`, or by doing what a sanitizer or the system stops.

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

namespace yoke_fuzz {

/// Defined by each target. Must take any bytes.
void run(std::span<const std::byte> input);
/// Defined by each target: inputs that go deep, from which others are made.
std::vector<std::vector<std::byte>> seeds();

inline void check(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

}  // namespace yoke_fuzz
