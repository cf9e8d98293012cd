// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include <yoke/version.hpp>

#include <string>

TEST_CASE("the version of the header is the version of the build") {
    const std::string text = std::to_string(yoke::version.major_number) + "." +
                             std::to_string(yoke::version.minor_number) + "." +
                             std::to_string(yoke::version.patch_number);
    CHECK(text == YOKE_TEST_VERSION);
}

TEST_CASE("versions are ordered by major, then minor, then patch number") {
    using yoke::version_number;
    STATIC_REQUIRE(version_number{1, 0, 0} > version_number{0, 9, 9});
    STATIC_REQUIRE(version_number{0, 2, 0} > version_number{0, 1, 9});
    STATIC_REQUIRE(version_number{0, 1, 1} > version_number{0, 1, 0});
    STATIC_REQUIRE(version_number{0, 1, 0} == version_number{0, 1, 0});
    STATIC_REQUIRE(yoke::version > version_number{});
}
