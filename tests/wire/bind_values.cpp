// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/wire/bind_values.hpp>
#include <yoke/wire/codec.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace {

std::string join(const std::string& a, int b, char c) { return a + std::to_string(b) + c; }

struct account {
    int balance = 0;
    int add(int amount) const { return balance + amount; }
};

}  // namespace

TEST_CASE("the values come before the arguments") {
    REQUIRE(yoke::bind_values(join, "a", 2)('c') == "a2c");
    REQUIRE(yoke::bind_values(join)("a", 2, 'c') == "a2c");
    REQUIRE(yoke::bind_values(join, "a", 2, 'c')() == "a2c");
    REQUIRE(yoke::bind_values(&account::add, account{3})(4) == 7);
}

TEST_CASE("values are copies") {
    int number = 3;
    const auto f = yoke::bind_values([](int a) { return a; }, std::ref(number).get());
    number = 4;
    REQUIRE(f() == 3);
    const char text[] = "abc";
    const auto g = yoke::bind_values([](const std::string& a) { return a; }, std::string(text));
    REQUIRE(g() == "abc");
}

TEST_CASE("the call sees the values as the object is") {
    auto counter = yoke::bind_values([](int& n) { return ++n; }, 5);
    REQUIRE(counter() == 6);
    REQUIRE(counter() == 7);
    STATIC_REQUIRE_FALSE(std::invocable<const decltype(counter)&>);

    auto taker = yoke::bind_values([](std::unique_ptr<int> p) { return *p; }, std::make_unique<int>(3));
    STATIC_REQUIRE_FALSE(std::invocable<decltype(taker)&>);
    REQUIRE(std::move(taker)() == 3);

    auto reference = yoke::bind_values([](int& n) -> int& { return n; }, 5);
    reference() = 8;
    REQUIRE(reference() == 8);
}

TEST_CASE("a function with values crosses") {
    const auto f = yoke::bind_values(join, std::string("a"), 2);
    const auto bytes = yoke::encoded(f);
    REQUIRE(yoke::decode_all<std::remove_const_t<decltype(f)>>(bytes)('c') == "a2c");
    const auto g = yoke::bind_values([](int a, const std::string& b) { return b + std::to_string(a); }, 1);
    REQUIRE(yoke::encoded_size(g) == sizeof(int));
    REQUIRE(yoke::decode_all<std::remove_const_t<decltype(g)>>(yoke::encoded(g))("b") == "b1");
    const auto nested = yoke::bind_values(f);
    REQUIRE(yoke::decode_all<std::remove_const_t<decltype(nested)>>(yoke::encoded(nested))('c') == "a2c");
}
