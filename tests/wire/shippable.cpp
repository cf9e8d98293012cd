// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/wire/bind_values.hpp>
#include <yoke/wire/shippable.hpp>

#include <any>
#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <complex>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <forward_list>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

using yoke::shippable;
using yoke::shippable_call;
using yoke::shippable_callable;

namespace {

enum class color : std::uint8_t { red, green };
enum old_enum { one, two };

struct point {
    int x;
    double y;
};
struct record {
    std::string name;
    std::vector<point> path;
    std::map<int, std::optional<color>> colors;
    char code[4];
    std::string lines[2];
};
struct tree {
    int value;
    std::vector<tree> children;
};
struct ping;
struct pong {
    std::vector<ping> pings;
};
struct ping {
    std::map<std::string, pong> pongs;
};

struct holds_pointer {
    int number;
    const int* where;
};
struct holds_view {
    std::vector<std::string_view> words;
};
struct holds_reference {
    int& target;
};
struct holds_deep {
    std::map<int, std::tuple<std::string, std::optional<holds_pointer>>> values;
};
struct recursive_with_pointer {
    std::vector<recursive_with_pointer> children;
    void* where;
};
struct constant {
    const int number = 1;
    int other = 2;
};
struct constant_text {
    const std::string text;
};
struct with_base : point {
    std::string name;
};
struct atomic_member {
    std::atomic<int> value;
};
union either {
    int a;
    float b;
};

class opaque {
public:
    opaque() = default;
    explicit opaque(int v) : value_(v) {}
    [[nodiscard]] int value() const { return value_; }

private:
    int value_ = 0;
};
class no_default {
public:
    explicit no_default(int v) : value_(v) {}
    [[nodiscard]] int value() const { return value_; }

private:
    int value_;
};
class own_view {
public:
    own_view() = default;
    [[nodiscard]] const int* begin() const { return first_; }
    [[nodiscard]] const int* end() const { return last_; }

private:
    const int* first_ = nullptr;
    const int* last_ = nullptr;
};
class own_handle {
public:
    own_handle() = default;
    int& operator*() const { return *target_; }

private:
    int* target_ = nullptr;
};
struct more_than_vector : std::vector<int> {
    std::string name;
};
struct by_distance {
    int from = 0;
    bool operator()(int a, int b) const { return a - from < b - from; }
};

struct coded {
    explicit coded(const int* target) : where(target) {}
    const int* where;
};
struct half_coded {};
struct assignable_to_nothing {
    assignable_to_nothing() = default;
    assignable_to_nothing(assignable_to_nothing&&) = default;
    assignable_to_nothing& operator=(assignable_to_nothing&&) = delete;
    std::string text;
};
struct stuck {
    assignable_to_nothing member;
};

struct scale {
    double factor;
    double operator()(double x) const { return factor * x; }
};

int add(int a, int b) { return a + b; }

}  // namespace

template <>
struct yoke::codec<coded> {
    static void encode(wire_writer&, const coded&) {}
    static coded decode(wire_reader&) { return coded(nullptr); }
};
template <>
struct yoke::codec<half_coded> {
    static void encode(wire_writer&, const half_coded&) {}
};

TEST_CASE("numbers, enums and what is one piece of memory cross") {
    STATIC_REQUIRE(shippable<int>);
    STATIC_REQUIRE(shippable<bool>);
    STATIC_REQUIRE(shippable<char>);
    STATIC_REQUIRE(shippable<char32_t>);
    STATIC_REQUIRE(shippable<long double>);
    STATIC_REQUIRE(shippable<std::byte>);
    STATIC_REQUIRE(shippable<__int128>);
    STATIC_REQUIRE(shippable<color>);
    STATIC_REQUIRE(shippable<old_enum>);
    STATIC_REQUIRE(shippable<std::complex<double>>);
    STATIC_REQUIRE(shippable<std::chrono::nanoseconds>);
    STATIC_REQUIRE(shippable<std::chrono::duration<double>>);
    STATIC_REQUIRE(shippable<std::chrono::system_clock::time_point>);
    STATIC_REQUIRE(shippable<std::chrono::steady_clock::time_point>);
    STATIC_REQUIRE(shippable<std::chrono::year_month_day>);
    STATIC_REQUIRE(shippable<std::bitset<100>>);
    STATIC_REQUIRE(shippable<opaque>);
    STATIC_REQUIRE(shippable<std::error_code>);
    STATIC_REQUIRE(shippable<int (*)(int, int)>);
    STATIC_REQUIRE(shippable<int (*)(int, int) noexcept>);
    STATIC_REQUIRE(shippable<int (opaque::*)() const>);
    STATIC_REQUIRE(shippable<int point::*>);
}

TEST_CASE("standard containers of what crosses cross") {
    STATIC_REQUIRE(shippable<std::string>);
    STATIC_REQUIRE(shippable<std::wstring>);
    STATIC_REQUIRE(shippable<std::u8string>);
    STATIC_REQUIRE(shippable<std::u32string>);
    STATIC_REQUIRE(shippable<std::pmr::string>);
    STATIC_REQUIRE(shippable<std::filesystem::path>);
    STATIC_REQUIRE(shippable<std::vector<int>>);
    STATIC_REQUIRE(shippable<std::vector<bool>>);
    STATIC_REQUIRE(shippable<std::vector<std::vector<std::string>>>);
    STATIC_REQUIRE(shippable<std::pmr::vector<int>>);
    STATIC_REQUIRE(shippable<std::array<std::string, 3>>);
    STATIC_REQUIRE(shippable<std::array<int, 0>>);
    STATIC_REQUIRE(shippable<std::deque<int>>);
    STATIC_REQUIRE(shippable<std::list<std::string>>);
    STATIC_REQUIRE(shippable<std::set<std::string>>);
    STATIC_REQUIRE(shippable<std::set<int, std::greater<>>>);
    STATIC_REQUIRE(shippable<std::multiset<int>>);
    STATIC_REQUIRE(shippable<std::map<std::string, std::vector<int>>>);
    STATIC_REQUIRE(shippable<std::multimap<int, int>>);
    STATIC_REQUIRE(shippable<std::unordered_set<std::string>>);
    STATIC_REQUIRE(shippable<std::unordered_multiset<int>>);
    STATIC_REQUIRE(shippable<std::unordered_map<std::string, int>>);
    STATIC_REQUIRE(shippable<std::unordered_multimap<int, int>>);
    STATIC_REQUIRE(shippable<std::optional<std::string>>);
    STATIC_REQUIRE(shippable<std::variant<std::monostate, int, std::string>>);
    STATIC_REQUIRE(shippable<std::pair<const int, std::string>>);
    STATIC_REQUIRE(shippable<std::tuple<>>);
    STATIC_REQUIRE(shippable<std::tuple<int, std::string, point>>);
    STATIC_REQUIRE(shippable<std::monostate>);
}

TEST_CASE("aggregates of what crosses cross, also when they contain themselves") {
    STATIC_REQUIRE(shippable<point>);
    STATIC_REQUIRE(shippable<record>);
    STATIC_REQUIRE(shippable<tree>);
    STATIC_REQUIRE(shippable<ping>);
    STATIC_REQUIRE(shippable<pong>);
    STATIC_REQUIRE(shippable<std::vector<std::optional<tree>>>);
    STATIC_REQUIRE(shippable<constant>);
    STATIC_REQUIRE(yoke::detail::bitwise<point>);
    STATIC_REQUIRE(yoke::detail::bitwise<std::array<point, 3>>);
    STATIC_REQUIRE_FALSE(yoke::detail::bitwise<record>);
    STATIC_REQUIRE_FALSE(yoke::detail::bitwise<std::optional<int>>);
}

TEST_CASE("pointers, references and views do not cross") {
    STATIC_REQUIRE_FALSE(shippable<int*>);
    STATIC_REQUIRE_FALSE(shippable<const char*>);
    STATIC_REQUIRE_FALSE(shippable<void*>);
    STATIC_REQUIRE_FALSE(shippable<std::nullptr_t>);
    STATIC_REQUIRE_FALSE(shippable<int&>);
    STATIC_REQUIRE_FALSE(shippable<std::reference_wrapper<int>>);
    STATIC_REQUIRE_FALSE(shippable<std::string_view>);
    STATIC_REQUIRE_FALSE(shippable<std::wstring_view>);
    STATIC_REQUIRE_FALSE(shippable<std::span<int>>);
    STATIC_REQUIRE_FALSE(shippable<std::span<const std::byte, 4>>);
    STATIC_REQUIRE_FALSE(shippable<std::initializer_list<int>>);
    STATIC_REQUIRE_FALSE(shippable<std::vector<int>::iterator>);
    STATIC_REQUIRE_FALSE(shippable<std::list<int>::iterator>);
    STATIC_REQUIRE_FALSE(shippable<std::unique_ptr<int>>);
    STATIC_REQUIRE_FALSE(shippable<std::shared_ptr<int>>);
    STATIC_REQUIRE_FALSE(shippable<std::weak_ptr<int>>);
    STATIC_REQUIRE_FALSE(shippable<std::coroutine_handle<>>);
    STATIC_REQUIRE_FALSE(shippable<std::error_condition>);
    STATIC_REQUIRE_FALSE(shippable<own_view>);
    STATIC_REQUIRE_FALSE(shippable<own_handle>);
}

TEST_CASE("what holds something that does not cross does not cross") {
    STATIC_REQUIRE_FALSE(shippable<holds_pointer>);
    STATIC_REQUIRE_FALSE(shippable<holds_view>);
    STATIC_REQUIRE_FALSE(shippable<holds_reference>);
    STATIC_REQUIRE_FALSE(shippable<holds_deep>);
    STATIC_REQUIRE_FALSE(shippable<recursive_with_pointer>);
    STATIC_REQUIRE_FALSE(shippable<std::vector<holds_pointer>>);
    STATIC_REQUIRE_FALSE(shippable<std::vector<const char*>>);
    STATIC_REQUIRE_FALSE(shippable<std::optional<std::string_view>>);
    STATIC_REQUIRE_FALSE(shippable<std::variant<int, int*>>);
    STATIC_REQUIRE_FALSE(shippable<std::tuple<int, int&>>);
    STATIC_REQUIRE_FALSE(shippable<std::pair<int, int*>>);
    STATIC_REQUIRE_FALSE(shippable<std::array<int*, 2>>);
    STATIC_REQUIRE_FALSE(shippable<std::map<int*, int>>);
    // The message names the innermost of them.
    STATIC_REQUIRE(std::is_same_v<yoke::detail::obstacle_in<holds_deep>, const int*>);
    STATIC_REQUIRE(std::is_same_v<yoke::detail::obstacle_in<holds_view>, std::string_view>);
    STATIC_REQUIRE(std::is_same_v<yoke::detail::obstacle_in<recursive_with_pointer>, void*>);
    STATIC_REQUIRE(std::is_same_v<yoke::detail::obstacle_in<holds_reference>, holds_reference>);
}

TEST_CASE("what cannot be made again from its parts does not cross") {
    STATIC_REQUIRE_FALSE(shippable<void>);
    STATIC_REQUIRE_FALSE(shippable<const int>);
    STATIC_REQUIRE_FALSE(shippable<int[3]>);
    STATIC_REQUIRE_FALSE(shippable<int(int)>);
    STATIC_REQUIRE_FALSE(shippable<no_default>);
    STATIC_REQUIRE_FALSE(shippable<with_base>);
    STATIC_REQUIRE_FALSE(shippable<more_than_vector>);
    STATIC_REQUIRE_FALSE(shippable<constant_text>);
    STATIC_REQUIRE_FALSE(shippable<stuck>);
    STATIC_REQUIRE_FALSE(shippable<either>);
    STATIC_REQUIRE_FALSE(shippable<std::array<no_default, 2>>);
    STATIC_REQUIRE_FALSE(shippable<std::set<int, by_distance>>);
    STATIC_REQUIRE_FALSE(shippable<std::map<int, int, bool (*)(int, int)>>);
    STATIC_REQUIRE_FALSE(shippable<std::unordered_set<int, std::size_t (*)(int)>>);
    STATIC_REQUIRE_FALSE(shippable<std::forward_list<int>>);
    STATIC_REQUIRE_FALSE(shippable<std::queue<int>>);
    STATIC_REQUIRE_FALSE(shippable<std::any>);
    STATIC_REQUIRE_FALSE(shippable<std::atomic<int>>);
    STATIC_REQUIRE_FALSE(shippable<atomic_member>);
    STATIC_REQUIRE_FALSE(shippable<std::mutex>);
    STATIC_REQUIRE_FALSE(shippable<std::thread>);
    STATIC_REQUIRE_FALSE(shippable<std::future<int>>);
    STATIC_REQUIRE_FALSE(shippable<std::stop_token>);
    STATIC_REQUIRE_FALSE(shippable<std::exception_ptr>);
    STATIC_REQUIRE_FALSE(shippable<std::runtime_error>);
}

TEST_CASE("a codec makes any type cross, if it is whole") {
    STATIC_REQUIRE(shippable<coded>);
    STATIC_REQUIRE(shippable<std::vector<coded>>);
    STATIC_REQUIRE_FALSE(shippable<half_coded>);
}

TEST_CASE("functions that hold nothing, or values, cross, lambdas with captures do not") {
    int local = 3;
    auto captureless = [](int a) { return a; };
    auto generic = [](auto a) { return a; };
    auto changing = [](int a) mutable { return ++a; };
    auto by_value = [local](int a) { return a + local; };
    auto by_reference = [&local](int a) { return a + local; };
    auto generic_capture = [local](auto a) { return a + local; };
    STATIC_REQUIRE(shippable_callable<decltype(&add)>);
    STATIC_REQUIRE(shippable_callable<decltype(add)>);
    STATIC_REQUIRE(shippable_callable<decltype(captureless)&>);
    STATIC_REQUIRE(shippable_callable<decltype(generic)>);
    STATIC_REQUIRE(shippable_callable<decltype(changing)>);
    STATIC_REQUIRE(shippable_callable<std::plus<>>);
    STATIC_REQUIRE(shippable_callable<scale>);
    STATIC_REQUIRE(shippable_callable<decltype(&opaque::value)>);
    STATIC_REQUIRE_FALSE(shippable_callable<decltype(by_value)>);
    STATIC_REQUIRE_FALSE(shippable_callable<decltype(by_reference)>);
    STATIC_REQUIRE_FALSE(shippable_callable<decltype(generic_capture)>);
    STATIC_REQUIRE_FALSE(shippable_callable<std::function<int(int)>>);
    STATIC_REQUIRE_FALSE(shippable<std::tuple<decltype(by_value)>>);

    using bound = decltype(yoke::bind_values(add, 1));
    using bound_lambda = decltype(yoke::bind_values(captureless, std::string()));
    using bound_pointer = decltype(yoke::bind_values(add, &local));
    using bound_capture = decltype(yoke::bind_values(by_value, 1));
    STATIC_REQUIRE(shippable_callable<bound>);
    STATIC_REQUIRE(shippable_callable<bound_lambda>);
    STATIC_REQUIRE_FALSE(shippable_callable<bound_pointer>);
    STATIC_REQUIRE_FALSE(shippable_callable<bound_capture>);
    REQUIRE(by_value(1) + by_reference(1) + generic_capture(1) == add(6, 6));
}

TEST_CASE("a call crosses if the function, its arguments and its result do") {
    STATIC_REQUIRE(shippable_call<decltype(&add), int, int>);
    STATIC_REQUIRE(shippable_call<decltype(add)&, int&, const int&>);
    STATIC_REQUIRE(shippable_call<void (*)(std::string_view), std::string>);
    STATIC_REQUIRE(shippable_call<const std::string& (*)(const std::string&), std::string>);
    STATIC_REQUIRE_FALSE(shippable_call<decltype(&add), int>);
    STATIC_REQUIRE_FALSE(shippable_call<decltype(&add), int, std::string>);
    STATIC_REQUIRE_FALSE(shippable_call<void (*)(std::string), const char(&)[4]>);
    STATIC_REQUIRE_FALSE(shippable_call<void (*)(std::string_view), std::string_view>);
    STATIC_REQUIRE_FALSE(shippable_call<const char* (*)()>);
    STATIC_REQUIRE_FALSE(shippable_call<std::unique_ptr<int> (*)()>);
}
