// SPDX-License-Identifier: MIT
//
// Catch2 for the tests: the same names whether version 2 or version 3 is installed. A test includes this file and
// no header of Catch2 itself.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)

#include <catch2/catch_all.hpp>

#else

#include <catch2/catch.hpp>

namespace Catch {

/// Version 3's name of a float comparison; the same class in version 2.
using Detail::Approx;

namespace Matchers {

/// Version 3's names of version 2's string matchers.
inline auto ContainsSubstring(const std::string& text, CaseSensitive::Choice choice = CaseSensitive::Yes) {
    return Contains(text, choice);
}

}  // namespace Matchers
}  // namespace Catch

#endif
