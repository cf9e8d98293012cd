// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/base/reflect.hpp>

#include <any>
#include <array>
#include <chrono>
#include <complex>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using yoke::detail::field_count;
using yoke::detail::field_list;
using yoke::detail::reflectable;
using yoke::detail::type_list;
using yoke::detail::visit_fields;

namespace {

struct nothing {};
struct from_anything {
    from_anything() = default;
    template <class T>
    from_anything(T&&) {}
};
struct only_int {
    explicit only_int(int) {}
};

template <class T>
struct beside {
    T first;
    int second;
};
template <class T>
inline constexpr bool counted = reflectable<beside<T>>&& field_count<beside<T>> == 2 &&
                                std::is_same_v<field_list<beside<T>>, type_list<T, int>>;

struct arrays {
    int before;
    char one[1];
    short flat[5];
    double matrix[2][3];
    std::string texts[2];
    beside<int> pairs[3];
    int after;
};
struct large {
    char name[4096];
    int number;
    unsigned char more[1000];
};
struct only_array {
    int values[7];
};
struct only_aggregate {
    beside<double> inner;
};

struct base {
    int inherited;
};
struct derived : base {
    int own;
};
struct empty_derived : nothing {
    int own;
};
struct with_reference {
    int& target;
};
struct with_private {
    int shown = 0;

private:
    [[maybe_unused]] int hidden_ = 0;
};
struct needs_value {
    only_int value;
};
struct value_between {
    std::string text;
    only_int value;
    int number;
};
struct value_and_array {
    int numbers[3];
    only_int value;
};
struct value_and_constant_reference {
    const int& target;
    only_int value;
};
struct value_below_base : base {
    only_int value;
};
struct constants {
    const int fixed = 3;
    std::string text;
};
union either {
    int a;
    float b;
};
struct most {
    int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x;
};
struct too_many {
    most some;
    int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x;
};

}  // namespace

TEST_CASE("members of any type are counted and named") {
    STATIC_REQUIRE(counted<int>);
    STATIC_REQUIRE(counted<bool>);
    STATIC_REQUIRE(counted<int*>);
    STATIC_REQUIRE(counted<const char*>);
    STATIC_REQUIRE(counted<int (*)(int)>);
    STATIC_REQUIRE(counted<std::uint8_t>);
    STATIC_REQUIRE(counted<nothing>);
    STATIC_REQUIRE(counted<from_anything>);
    STATIC_REQUIRE(counted<beside<int>>);
    STATIC_REQUIRE(counted<beside<std::string>>);
    STATIC_REQUIRE(counted<std::string>);
    STATIC_REQUIRE(counted<std::string_view>);
    STATIC_REQUIRE(counted<std::span<int>>);
    STATIC_REQUIRE(counted<std::vector<int>>);
    STATIC_REQUIRE(counted<std::vector<bool>>);
    STATIC_REQUIRE(counted<std::vector<std::any>>);
    STATIC_REQUIRE(counted<std::map<int, std::string>>);
    STATIC_REQUIRE(counted<std::array<int, 3>>);
    STATIC_REQUIRE(counted<std::optional<int>>);
    STATIC_REQUIRE(counted<std::optional<std::optional<beside<int>>>>);
    STATIC_REQUIRE(counted<std::variant<std::monostate, int, std::string>>);
    STATIC_REQUIRE(counted<std::pair<int, std::string>>);
    STATIC_REQUIRE(counted<std::tuple<>>);
    STATIC_REQUIRE(counted<std::tuple<std::string>>);
    STATIC_REQUIRE(counted<std::tuple<int, double>>);
    STATIC_REQUIRE(counted<std::unique_ptr<int>>);
    STATIC_REQUIRE(counted<std::shared_ptr<int>>);
    STATIC_REQUIRE(counted<std::function<int()>>);
    STATIC_REQUIRE(counted<std::complex<double>>);
    STATIC_REQUIRE(counted<std::chrono::nanoseconds>);
    STATIC_REQUIRE(counted<std::chrono::system_clock::time_point>);
    STATIC_REQUIRE(counted<std::filesystem::path>);
    STATIC_REQUIRE(counted<std::error_code>);
}

TEST_CASE("an array member counts as one") {
    STATIC_REQUIRE(field_count<arrays> == 7);
    STATIC_REQUIRE(
        std::is_same_v<field_list<arrays>,
                       type_list<int, char[1], short[5], double[2][3], std::string[2], beside<int>[3], int>>);
    STATIC_REQUIRE(field_count<large> == 3);
    STATIC_REQUIRE(field_count<only_array> == 1);
    STATIC_REQUIRE(field_count<only_aggregate> == 1);
}

TEST_CASE("members are visited in order, by reference") {
    beside<std::string> value{"text", 4};
    visit_fields(value, [](auto& text, auto& number) {
        text += "s";
        number += 1;
    });
    REQUIRE(value.first == "texts");
    REQUIRE(value.second == 5);
    const auto& constant = value;
    REQUIRE(visit_fields(constant, [](const std::string& text, const int& number) {
                return text.size() + static_cast<std::size_t>(number);
            }) == 10);

    most all{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
    int seen = 0;
    visit_fields(all, [&](const auto&... field) {
        const auto look = [&](int number) {
            if (number == seen + 1) seen = number;
        };
        (look(field), ...);
    });
    REQUIRE(seen == 24);

    nothing none;
    REQUIRE(visit_fields(none, [] { return 3; }) == 3);
}

TEST_CASE("what cannot be taken apart is not reflectable") {
    STATIC_REQUIRE(reflectable<nothing>);
    STATIC_REQUIRE(reflectable<most>);
    STATIC_REQUIRE(field_count<most> == 24);
    STATIC_REQUIRE(reflectable<constants>);
    STATIC_REQUIRE(std::is_same_v<field_list<constants>, type_list<const int, std::string>>);
    STATIC_REQUIRE_FALSE(reflectable<int>);
    STATIC_REQUIRE_FALSE(reflectable<int[3]>);
    STATIC_REQUIRE_FALSE(reflectable<std::string>);
    STATIC_REQUIRE_FALSE(reflectable<with_private>);
    STATIC_REQUIRE_FALSE(reflectable<derived>);
    STATIC_REQUIRE_FALSE(reflectable<empty_derived>);
    STATIC_REQUIRE_FALSE(reflectable<with_reference>);
    STATIC_REQUIRE_FALSE(reflectable<value_and_array>);
    STATIC_REQUIRE_FALSE(reflectable<value_and_constant_reference>);
    STATIC_REQUIRE_FALSE(reflectable<value_below_base>);
    STATIC_REQUIRE_FALSE(reflectable<either>);
    STATIC_REQUIRE_FALSE(reflectable<too_many>);
}

TEST_CASE("members without a default constructor are counted and named like all others") {
    STATIC_REQUIRE(reflectable<needs_value>);
    STATIC_REQUIRE(std::is_same_v<field_list<needs_value>, type_list<only_int>>);
    STATIC_REQUIRE(std::is_same_v<field_list<value_between>, type_list<std::string, only_int, int>>);
    STATIC_REQUIRE(std::is_same_v<field_list<beside<value_between>>, type_list<value_between, int>>);
    STATIC_REQUIRE(std::is_same_v<field_list<beside<only_int>>, type_list<only_int, int>>);
    STATIC_REQUIRE(reflectable<beside<value_between>>);
}
