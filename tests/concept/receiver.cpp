// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/concept/executor.hpp>
#include <yoke/concept/receiver.hpp>

#include <string>

namespace {

struct diary {
    std::string* to;
    void set_value(int v) noexcept { *to += "value " + std::to_string(v); }
    void set_value() noexcept { *to += "value"; }
    void set_error(std::exception_ptr) noexcept { *to += "error"; }
    void set_stopped() noexcept { *to += "stopped"; }
};
struct may_throw {
    void set_value(int) {}
    void set_error(std::exception_ptr) noexcept {}
    void set_stopped() noexcept {}
};
struct wishes : diary {
    yoke::task_options asked;
    const yoke::task_options& options() const noexcept { return asked; }
};

}  // namespace

TEST_CASE("a receiver takes the value, an error or stopped, and never throws") {
    STATIC_REQUIRE(yoke::receiver_of<diary, int>);
    STATIC_REQUIRE(yoke::receiver_of<diary, void>);
    STATIC_REQUIRE_FALSE(yoke::receiver_of<diary, std::string>);
    STATIC_REQUIRE_FALSE(yoke::receiver_of<may_throw, int>);
    STATIC_REQUIRE_FALSE(yoke::receiver_of<int, int>);
    STATIC_REQUIRE(yoke::receiver_of<yoke::archetype::receiver, std::string>);
}

TEST_CASE("complete_with_call delivers exactly one completion") {
    std::string said;
    yoke::complete_with_call(
        diary{&said}, [](int a) { return a + 1; }, 1);
    REQUIRE(said == "value 2");
    said.clear();
    yoke::complete_with_call(diary{&said}, [] {});
    REQUIRE(said == "value");
    said.clear();
    yoke::complete_with_call(diary{&said}, []() -> int { throw 1; });
    REQUIRE(said == "error");
}

TEST_CASE("options are those the receiver carries, else the defaults") {
    std::string said;
    REQUIRE(yoke::options_of(diary{&said}).attempts == 1);
    REQUIRE(yoke::options_of(diary{&said}).timeout.count() == 0);
    const wishes picky{{&said}, {.attempts = 3, .priority = 7}};
    REQUIRE(yoke::options_of(picky).attempts == 3);
    REQUIRE(yoke::options_of(picky).priority == 7);
}

TEST_CASE("a call's result is what decayed copies return, by value") {
    STATIC_REQUIRE(std::is_same_v<yoke::call_result<const int& (*)(const int&), int&>, int>);
    STATIC_REQUIRE(std::is_same_v<yoke::call_result<void (*)()>, void>);
}
