// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/executor/process/exception_wire.hpp>
#include <yoke/wire/registered_exception.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using Catch::Matchers::ContainsSubstring;

namespace user {

struct parse_error : std::runtime_error {
    explicit parse_error(int l) : std::runtime_error("line " + std::to_string(l)), line(l) {}
    int line;
};
struct worse_parse_error : parse_error {
    using parse_error::parse_error;
};
/// Consists of its text.
class failure : public std::logic_error {
public:
    using std::logic_error::logic_error;
};
/// An aggregate, and no std::exception.
struct fault {
    int code = 0;
    std::vector<std::string> places;
};
/// Holds what was being handled when it was made.
struct wrapping : std::runtime_error, std::nested_exception {
    explicit wrapping(const std::string& text) : std::runtime_error(text) {}
};
/// Throws when it is encoded, or when it is decoded, or is large.
struct difficult : std::runtime_error {
    explicit difficult(int how) : std::runtime_error("difficult"), kind(how) {}
    int kind;
};
enum class reason { none, some };
struct stranger : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace user

template <>
struct yoke::codec<user::parse_error> {
    static void encode(wire_writer& out, const user::parse_error& e) { yoke::encode(out, e.line); }
    static user::parse_error decode(wire_reader& in) { return user::parse_error(yoke::decode<int>(in)); }
};
template <>
struct yoke::codec<user::failure> : yoke::what_codec<user::failure> {};
template <>
struct yoke::codec<user::wrapping> : yoke::what_codec<user::wrapping> {};
template <>
struct yoke::codec<user::stranger> : yoke::what_codec<user::stranger> {};
template <>
struct yoke::codec<user::difficult> {
    static void encode(wire_writer& out, const user::difficult& e) {
        if (e.kind == 1) throw std::bad_alloc();
        yoke::encode(out, e.kind);
        if (e.kind == 3) yoke::encode(out, std::string(2'000'000, 'x'));
    }
    static user::difficult decode(wire_reader& in) {
        const auto kind = yoke::decode<int>(in);
        if (kind == 2) throw 2;
        return user::difficult(kind);
    }
};

namespace {

const yoke::registered_exception<user::parse_error> parse_error_crosses;
const yoke::registered_exception<user::failure> failure_crosses;
const yoke::registered_exception<user::fault> fault_crosses;
const yoke::registered_exception<user::wrapping> wrapping_crosses;
const yoke::registered_exception<user::difficult> difficult_crosses;
const yoke::registered_exception<user::reason> reason_crosses;
// Twice, as two shared libraries may do.
const yoke::registered_exception<user::parse_error> again;

template <class Thrower>
std::exception_ptr sent(Thrower thrower) {
    std::exception_ptr thrown;
    try {
        thrower();
    } catch (...) {
        thrown = std::current_exception();
    }
    return yoke::detail::decode_exception(yoke::detail::encode_exception(thrown), 4711);
}

/// The caught `E`; fails if something else arrived.
template <class E>
E caught(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const E& e) {
        return e;
    } catch (const std::exception& e) {
        FAIL("another exception: " << e.what());
    } catch (...) {
        FAIL("another exception");
    }
    throw std::logic_error("not reached");
}

std::exception_ptr nested_in(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::nested_exception& e) {
        return e.nested_ptr();
    } catch (...) {
        return nullptr;
    }
}

}  // namespace

TEST_CASE("a registered exception comes back as itself, with its members") {
    const auto parse = caught<user::parse_error>(sent([] { throw user::parse_error(42); }));
    REQUIRE(parse.line == 42);
    REQUIRE(std::string(parse.what()) == "line 42");
    REQUIRE(std::string(caught<user::failure>(sent([] { throw user::failure("text"); })).what()) == "text");
    const auto fault = caught<user::fault>(sent([] { throw user::fault{3, {"a", "b"}}; }));
    REQUIRE(fault.code == 3);
    REQUIRE(fault.places == std::vector<std::string>{"a", "b"});
    REQUIRE(caught<user::reason>(sent([] { throw user::reason::some; })) == user::reason::some);
}

TEST_CASE("what is nested in a registered exception, and what it is nested in, crosses with it") {
    const auto outer = sent([] {
        try {
            try {
                throw user::failure("inner");
            } catch (...) {
                std::throw_with_nested(user::parse_error(7));
            }
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    });
    REQUIRE(std::string(caught<std::runtime_error>(outer).what()) == "outer");
    const auto middle = nested_in(outer);
    REQUIRE(middle != nullptr);
    REQUIRE(caught<user::parse_error>(middle).line == 7);
    REQUIRE(nested_in(middle) != nullptr);
    REQUIRE(std::string(caught<user::failure>(nested_in(middle)).what()) == "inner");

    const auto own = sent([] {
        try {
            throw user::parse_error(8);
        } catch (...) {
            throw user::wrapping("own");
        }
    });
    REQUIRE(std::string(caught<user::wrapping>(own).what()) == "own");
    REQUIRE(nested_in(own) != nullptr);
    REQUIRE(caught<user::parse_error>(nested_in(own)).line == 8);
    // And again.
    REQUIRE(caught<user::parse_error>(nested_in(sent([&] { std::rethrow_exception(own); }))).line == 8);

    const auto errors = caught<yoke::task_errors>(sent([] {
        throw yoke::task_errors(
            {std::make_exception_ptr(user::parse_error(1)), std::make_exception_ptr(user::fault{2, {}})},
            "first");
    }));
    REQUIRE(caught<user::parse_error>(errors.errors()[0]).line == 1);
    REQUIRE(caught<user::fault>(errors.errors()[1]).code == 2);
}

TEST_CASE("a class derived from a registered one is not sliced: it is described, unless it is registered") {
    const auto remote = caught<yoke::remote_error>(sent([] { throw user::worse_parse_error(9); }));
    REQUIRE(remote.type() == "user::worse_parse_error");
    REQUIRE(remote.text() == "line 9");
}

TEST_CASE("a registered exception that cannot be encoded or decoded, or is too large, is described") {
    REQUIRE(caught<user::difficult>(sent([] { throw user::difficult(0); })).kind == 0);
    for (const int kind : {1, 2, 3}) {
        const auto remote = caught<yoke::remote_error>(sent([&] { throw user::difficult(kind); }));
        REQUIRE(remote.type() == "user::difficult");
        REQUIRE(remote.text() == "difficult");
    }
}

TEST_CASE("a type is registered for as long as its registration lives") {
    const auto throws = [] { throw user::stranger("odd"); };
    REQUIRE(caught<yoke::remote_error>(sent(throws)).type() == "user::stranger");
    {
        const yoke::registered_exception<user::stranger> first;
        auto second = std::make_unique<yoke::registered_exception<user::stranger>>();
        const yoke::registered_exception<user::stranger> third;
        REQUIRE(std::string(caught<user::stranger>(sent(throws)).what()) == "odd");
        second.reset();
        REQUIRE(std::string(caught<user::stranger>(sent(throws)).what()) == "odd");
    }
    REQUIRE(caught<yoke::remote_error>(sent(throws)).type() == "user::stranger");
    REQUIRE(caught<user::parse_error>(sent([] { throw user::parse_error(1); })).line == 1);
}

TEST_CASE("types of the same name in two files are told apart, and an entry that lies elsewhere is found by "
          "its name") {
    // The wire has the entry's address; another one's, or none's, is never followed.
    auto chain = std::vector<yoke::detail::exception_link>(1);
    chain[0].type = "user::parse_error";
    chain[0].what = "line 5";
    chain[0].data = yoke::encoded(user::parse_error(5));
    for (const std::uint64_t entry : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
        chain[0].entry = entry;
        const auto bytes =
            yoke::detail::bytes_of([&](yoke::wire_writer& out) { yoke::detail::put_chain(out, chain); });
        REQUIRE(caught<user::parse_error>(yoke::detail::decode_exception(bytes, 1)).line == 5);
    }
    chain[0].type = "user::unknown";
    const auto bytes =
        yoke::detail::bytes_of([&](yoke::wire_writer& out) { yoke::detail::put_chain(out, chain); });
    REQUIRE_THAT(caught<yoke::remote_error>(yoke::detail::decode_exception(bytes, 1)).what(),
                 ContainsSubstring("user::unknown: line 5"));
}
