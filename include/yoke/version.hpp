// SPDX-License-Identifier: MIT
#pragma once

/// The version of the library. This is its only place: the build reads the three numbers from here.
///
/// Versions follow semantic versioning; before 1.0 a new minor version may break what compiled.

#define YOKE_VERSION_MAJOR 0
#define YOKE_VERSION_MINOR 1
#define YOKE_VERSION_PATCH 0

#include <compare>

namespace yoke {

/// The three numbers of a version, ordered as versions are.
struct version_number {
    int major_number = 0;
    int minor_number = 0;
    int patch_number = 0;

    friend constexpr bool operator==(const version_number&, const version_number&) = default;
    friend constexpr auto operator<=>(const version_number&, const version_number&) = default;
};

/// The version of the headers this translation unit was compiled with.
inline constexpr version_number version{YOKE_VERSION_MAJOR, YOKE_VERSION_MINOR, YOKE_VERSION_PATCH};

}  // namespace yoke
