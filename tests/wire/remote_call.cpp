// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/wire/remote_call.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

class memory_sink final : public yoke::result_sink {
public:
    std::span<std::byte> room(std::size_t bytes) override {
        ++asked;
        memory.assign(bytes, std::byte{});
        return memory;
    }
    std::vector<std::byte> memory;
    int asked = 0;
};

template <class F, class... Args>
std::vector<std::byte> packed(const F& f, const Args&... args) {
    using call = yoke::remote_call_of<F, Args...>;
    std::vector<std::byte> bytes(call::size(f, args...));
    yoke::wire_writer out(bytes);
    call::encode(out, f, args...);
    REQUIRE(out.size() == bytes.size());
    return bytes;
}

/// The whole way, through bytes only.
template <class F, class... Args>
auto remotely(F&& f, Args&&... args) {
    yoke::refuse_unshippable<F, Args...>();
    using call = yoke::remote_call_of<F, Args...>;
    const auto bytes = packed<std::decay_t<F>, std::decay_t<Args>...>(f, args...);
    const yoke::call_runner run = &call::run;
    yoke::wire_reader in(bytes);
    memory_sink sink;
    run(in, sink);
    REQUIRE(sink.asked == 1);
    return call::decode_result(sink.memory);
}

std::string repeat(const std::string& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}
int twice(int a) noexcept { return 2 * a; }
std::size_t length(std::string_view text) { return text.size(); }
int calls = 0;
void count_call() { ++calls; }

struct scale {
    double factor = 1;
    double operator()(double x) const { return factor * x; }
};
struct account {
    int balance = 0;
    int add(int amount) const { return balance + amount; }
};

/// Counts its copies; crosses as nothing.
struct counted {
    counted() = default;
    counted(const counted&) { ++copies; }
    counted(counted&&) = default;
    counted& operator=(const counted&) = default;
    counted& operator=(counted&&) = default;
    static inline int copies = 0;
};

/// Writes fewer bytes than it announces.
struct liar {};

}  // namespace

template <>
struct yoke::codec<liar> {
    static std::size_t size(const liar&) { return 4; }
    static void encode(wire_writer& out, const liar&) { out.number('x'); }
    static liar decode(wire_reader&) { return {}; }
};

template <>
struct yoke::codec<counted> {
    static void encode(wire_writer& out, const counted&) { out.number('c'); }
    static counted decode(wire_reader& in) {
        static_cast<void>(in.number<char>("a counted"));
        return {};
    }
};

TEST_CASE("a call and its result go through bytes") {
    REQUIRE(remotely(repeat, std::string("ab"), 3) == "ababab");
    REQUIRE(remotely(&repeat, std::string("ab"), 0).empty());
    REQUIRE(remotely(twice, 4) == 8);
    REQUIRE(remotely(length, std::string("text")) == 4);
    REQUIRE(remotely([] { return 5; }) == 5);
    REQUIRE(remotely([](auto a, auto b) { return a + b; }, 1, 2) == 3);
    REQUIRE(remotely(std::plus<>(), 1, 2) == 3);
    REQUIRE(remotely(scale{2.5}, 2.0) == 5.0);
    REQUIRE(remotely(&account::add, account{3}, 4) == 7);
    REQUIRE(remotely(&account::balance, account{3}) == 3);
    REQUIRE(remotely(yoke::bind_values(repeat, std::string("x")), 2) == "xx");
    REQUIRE(remotely([](int a) mutable { return ++a; }, 1) == 2);
}

TEST_CASE("a call that returns nothing asks for no bytes") {
    calls = 0;
    remotely(count_call);
    REQUIRE(calls == 1);
    STATIC_REQUIRE(std::is_void_v<yoke::remote_call_of<decltype(count_call)>::result_type>);
}

TEST_CASE("arguments are handed over as rvalues, results come back by value") {
    REQUIRE(remotely([](std::vector<int>&& v) { return v.size(); }, std::vector<int>(3)) == 3);
    using call = yoke::remote_call<const std::string& (*)(const std::string&), std::string>;
    STATIC_REQUIRE(std::is_same_v<call::result_type, std::string>);
}

TEST_CASE("what a returned reference refers to is packed uncopied, be it kept there or an argument") {
    const auto copies_of = [](auto f, const auto&... args) {
        const auto bytes = packed(f, args...);
        yoke::wire_reader in(bytes);
        memory_sink sink;
        counted::copies = 0;
        yoke::remote_call_of<decltype(f), decltype(args)...>::run(in, sink);
        return counted::copies;
    };
    CHECK(copies_of([]() -> const counted& {
              static const counted kept;
              return kept;
          }) == 0);
    CHECK(copies_of([](const counted& given) -> const counted& { return given; }, counted()) == 0);
    CHECK(copies_of([](const counted& given) { return given; }, counted()) == 1);

    const auto same = [](const std::string& given) -> const std::string& { return given; };
    CHECK(remotely(same, std::string(1000, 'x')) == std::string(1000, 'x'));
    CHECK(remotely([](std::string&& given) -> std::string&& { return std::move(given); },
                   std::string(99, 'y')) == std::string(99, 'y'));
    CHECK(remotely(yoke::bind_values(same, std::string(500, 'z'))) == std::string(500, 'z'));
}

TEST_CASE("packing changes nothing and may be repeated") {
    const std::string text(100, 'x');
    REQUIRE(packed(&repeat, text, 2) == packed(&repeat, text, 2));
    REQUIRE(text == std::string(100, 'x'));
}

TEST_CASE("a null function is refused before anything is sent") {
    int (*none)(int) = nullptr;
    REQUIRE_THROWS_AS(packed(none, 3), std::invalid_argument);
    int (account::*no_member)(int) const = nullptr;
    REQUIRE_THROWS_AS(packed(no_member, account(), 3), std::invalid_argument);
    REQUIRE_THROWS_AS(packed(yoke::bind_values(none, 3)), std::invalid_argument);
    // As an argument it is a value like any other.
    REQUIRE(remotely([](int (*f)(int)) { return f == nullptr; }, none));
}

TEST_CASE("what the call throws comes out of run, and nothing was asked of the sink") {
    auto thrower = [](int code) -> int { throw code; };
    const auto bytes = packed(thrower, 3);
    yoke::wire_reader in(bytes);
    memory_sink sink;
    using call = yoke::remote_call_of<decltype(thrower), int>;
    REQUIRE_THROWS_AS(call::run(in, sink), int);
    REQUIRE(sink.asked == 0);
}

TEST_CASE("a call in pieces is not made") {
    calls = 0;
    auto counted = [](const std::string&, int) { count_call(); };
    auto bytes = packed(counted, std::string("text"), 3);
    using call = yoke::remote_call_of<decltype(counted), std::string, int>;
    memory_sink sink;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        yoke::wire_reader in(std::span<const std::byte>(bytes).first(size));
        REQUIRE_THROWS_AS(call::run(in, sink), yoke::decode_error);
    }
    bytes.push_back(std::byte{});
    yoke::wire_reader longer(bytes);
    REQUIRE_THROWS_AS(call::run(longer, sink), yoke::decode_error);
    REQUIRE(calls == 0);
    REQUIRE(sink.asked == 0);
}

TEST_CASE("a result in pieces is refused") {
    using call = yoke::remote_call_of<decltype(repeat), std::string, int>;
    const auto bytes = yoke::encoded(std::string("text"));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        REQUIRE_THROWS_AS(call::decode_result(std::span<const std::byte>(bytes).first(size)),
                          yoke::decode_error);
    using no_result = yoke::remote_call_of<decltype(count_call)>;
    REQUIRE_THROWS_AS(no_result::decode_result(bytes), yoke::decode_error);
    REQUIRE_NOTHROW(no_result::decode_result({}));
}

TEST_CASE("a codec that writes less than it measured is found out") {
    auto f = [] { return liar(); };
    const auto bytes = packed(f);
    yoke::wire_reader in(bytes);
    memory_sink sink;
    REQUIRE_THROWS_AS(yoke::remote_call_of<decltype(f)>::run(in, sink), yoke::decode_error);
}
