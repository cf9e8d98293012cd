// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/executor/process/exception_wire.hpp>

#include <any>
#include <cstdint>
#include <cxxabi.h>
#include <exception>
#include <filesystem>
#include <ios>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using yoke::detail::decode_exception;
using yoke::detail::encode_exception;

namespace user {

struct failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct plain {
    int number = 0;
};
struct uncopyable : std::exception {
    uncopyable() = default;
    uncopyable(const uncopyable&) : std::exception() { throw std::runtime_error("copied"); }
    [[nodiscard]] const char* what() const noexcept override { return "made once"; }
};
struct no_text : std::exception {
    [[nodiscard]] const char* what() const noexcept override { return nullptr; }
};
struct left : std::exception {};
struct right : std::exception {};
struct two_bases : left, right {};
class hidden_base : std::runtime_error {
public:
    hidden_base() : std::runtime_error("hidden") {}
};
struct category : std::error_category {
    [[nodiscard]] const char* name() const noexcept override { return "user"; }
    [[nodiscard]] std::string message(int) const override { return "user message"; }
};

}  // namespace user

namespace {

constexpr int worker = 4711;

/// What arrives when `thrower` throws in a worker.
template <class F>
std::exception_ptr sent(F thrower) {
    std::exception_ptr thrown;
    try {
        thrower();
    } catch (...) {
        thrown = std::current_exception();
    }
    REQUIRE(thrown != nullptr);
    return decode_exception(encode_exception(thrown), worker);
}

/// The exact type of an exception, without typeid.
std::string type_of(const std::exception_ptr& e) {
    try {
        std::rethrow_exception(e);
    } catch (...) {
        return abi::__cxa_current_exception_type()->name();
    }
}

template <class E>
void arrives_as_itself(const E& original) {
    const auto arrived = sent([&] { throw E(original); });
    REQUIRE(type_of(arrived) == type_of(std::make_exception_ptr(original)));
    try {
        std::rethrow_exception(arrived);
    } catch (const E& e) {
        REQUIRE(std::string(e.what()) == original.what());
    } catch (...) {
        FAIL("another type");
    }
}

yoke::remote_error described(const std::exception_ptr& e) {
    try {
        std::rethrow_exception(e);
    } catch (const yoke::remote_error& remote) {
        return remote;
    } catch (const std::exception& other) {
        FAIL(other.what());
    } catch (...) {
        FAIL("another type");
    }
    throw std::logic_error("not reached");
}

std::exception_ptr nested_in(const std::exception_ptr& e) {
    try {
        std::rethrow_exception(e);
    } catch (const std::nested_exception& n) {
        return n.nested_ptr();
    } catch (...) {
        return nullptr;
    }
}

template <class Outer, class F>
[[noreturn]] void nest(Outer outer, F inner) {
    try {
        inner();
    } catch (...) {
        std::throw_with_nested(std::move(outer));
    }
    throw std::logic_error("not reached");
}

}  // namespace

TEST_CASE("an exception of a standard type comes back as that type with its text") {
    arrives_as_itself(std::logic_error("a"));
    arrives_as_itself(std::invalid_argument("b"));
    arrives_as_itself(std::domain_error("c"));
    arrives_as_itself(std::length_error("d"));
    arrives_as_itself(std::out_of_range("e"));
    arrives_as_itself(std::runtime_error(""));
    arrives_as_itself(std::range_error(std::string(1000, 'f')));
    arrives_as_itself(std::overflow_error("g"));
    arrives_as_itself(std::underflow_error("h"));
    arrives_as_itself(std::exception());
    arrives_as_itself(std::bad_exception());
    arrives_as_itself(std::bad_alloc());
    arrives_as_itself(std::bad_array_new_length());
    arrives_as_itself(std::bad_cast());
    arrives_as_itself(std::bad_typeid());
    arrives_as_itself(std::bad_function_call());
    arrives_as_itself(std::bad_optional_access());
    arrives_as_itself(std::bad_variant_access());
    arrives_as_itself(std::bad_any_cast());
    arrives_as_itself(std::bad_weak_ptr());
}

TEST_CASE("an exception of a yoke type comes back as that type with its text") {
    arrives_as_itself(yoke::error("a"));
    arrives_as_itself(yoke::pool_closed());
    arrives_as_itself(yoke::broken_pool("b"));
    arrives_as_itself(yoke::cancelled("c"));
    arrives_as_itself(yoke::no_state());
    arrives_as_itself(yoke::broken_promise());
    arrives_as_itself(yoke::deadlock_error("d"));
    arrives_as_itself(yoke::forked());
    arrives_as_itself(yoke::unsafe_fork("e"));
    arrives_as_itself(yoke::unsupported("f"));
    arrives_as_itself(yoke::queue_closed());
    arrives_as_itself(yoke::message_too_large("g"));
    arrives_as_itself(yoke::decode_error("h"));
    arrives_as_itself(yoke::task_timeout("i"));
    arrives_as_itself(yoke::page_overflow("j"));
    arrives_as_itself(yoke::fetch_error("k", 17));
    arrives_as_itself(yoke::stage_error("l", 2, 9));
    try {
        std::rethrow_exception(sent([] { throw yoke::fetch_error("k", std::uint64_t{1} << 40); }));
    } catch (const yoke::fetch_error& e) {
        REQUIRE(e.offset() == std::uint64_t{1} << 40);
    }
    try {
        std::rethrow_exception(sent([] { throw yoke::stage_error("l", 2, 9); }));
    } catch (const yoke::stage_error& e) {
        REQUIRE(e.stage() == 2);
        REQUIRE(e.item() == 9);
    }
}

/// What arrives of an exception; fails if it is of another type.
template <class E>
E arrived_of(const E& original) {
    arrives_as_itself(original);
    try {
        std::rethrow_exception(sent([&] { throw E(original); }));
    } catch (const E& e) {
        return e;
    }
}

TEST_CASE("an exception of a yoke type comes back with its members") {
    const auto lost =
        arrived_of(yoke::worker_lost("gone", 4242, 9, -1, 1234567890123, 3, "printed\n", 2, "a frame\n")
                       .with_items({12, 8}));
    REQUIRE(lost.pid() == 4242);
    REQUIRE(lost.signal() == 9);
    REQUIRE(lost.status() == -1);
    REQUIRE(lost.task() == 1234567890123);
    REQUIRE(lost.attempts() == 3);
    REQUIRE(lost.output() == "printed\n");
    REQUIRE(lost.worker() == 2);
    REQUIRE(lost.stack() == "a frame\n");
    REQUIRE(lost.items() == yoke::item_range{12, 8});
    REQUIRE(std::string(lost.what()) == "items 12 to 19: gone");
    REQUIRE_FALSE(arrived_of(yoke::worker_lost("gone", 1, 9, -1, 1)).items());

    const auto late = arrived_of(yoke::task_timeout("late").with_items({7, 1}));
    REQUIRE(late.items() == yoke::item_range{7, 1});
    REQUIRE(std::string(late.what()) == "item 7: late");
    REQUIRE_FALSE(arrived_of(yoke::task_timeout("late", false)).began());
    REQUIRE(arrived_of(yoke::task_timeout("long")).began());

    const auto missing = arrived_of(yoke::missing_rows("rows", {{7, 2}, {100, 1}}));
    REQUIRE(missing.ranges() == std::vector<yoke::row_range>{{7, 2}, {100, 1}});
    REQUIRE(missing.offset() == 7);

    const auto remote = arrived_of(yoke::remote_error({{"my::type", "text"}, {"int", "3"}}, 77));
    REQUIRE(remote.worker() == 77);
    REQUIRE(remote.chain().size() == 2);
    REQUIRE(remote.chain()[1].what == "3");
}

TEST_CASE("the errors in a task_errors come back one by one, in part if they are too many") {
    const auto pointer = [](auto e) { return std::make_exception_ptr(std::move(e)); };
    const yoke::task_errors inner({pointer(std::bad_alloc()), pointer(17)}, "inner");
    const auto whole = arrived_of(yoke::task_errors(
        {pointer(std::out_of_range("first")), pointer(inner), pointer(yoke::fetch_error("page", 9))},
        "first"));
    REQUIRE(std::string(whole.what()) == "3 calls have thrown; the first: first");
    REQUIRE(whole.errors().size() == 3);
    REQUIRE_THROWS_AS(std::rethrow_exception(whole.errors()[0]), std::out_of_range);
    try {
        std::rethrow_exception(whole.errors()[1]);
    } catch (const yoke::task_errors& e) {
        REQUIRE(e.errors().size() == 2);
        REQUIRE_THROWS_AS(std::rethrow_exception(e.errors()[0]), std::bad_alloc);
        REQUIRE(described(e.errors()[1]).text() == "17");
        REQUIRE(described(e.errors()[1]).worker() == worker);
    }
    REQUIRE_THROWS_AS(std::rethrow_exception(whole.errors()[2]), yoke::fetch_error);

    // 64 texts of 64 KiB each are more than may cross.
    std::vector<std::exception_ptr> many(64, pointer(std::runtime_error(std::string(100'000, 'x'))));
    const yoke::task_errors too_many(many, "many");
    const auto part = arrived_of(too_many);
    REQUIRE(part.errors().size() == 64);
    REQUIRE_THROWS_AS(std::rethrow_exception(part.errors().front()), std::runtime_error);
    REQUIRE_THAT(described(part.errors().back()).text(), ContainsSubstring("too many others"));
    REQUIRE(encode_exception(std::make_exception_ptr(too_many)).size() < 2'000'000);

    // Deeper than may cross, and each level has two.
    std::exception_ptr deep = pointer(std::runtime_error("deepest"));
    for (int level = 0; level < 50; ++level) deep = pointer(yoke::task_errors({deep, deep}, "deep"));
    REQUIRE(decode_exception(encode_exception(deep), worker) != nullptr);
}

TEST_CASE("filesystem_error and ios_base::failure keep code, text and paths") {
    using std::filesystem::filesystem_error;
    const auto code = std::make_error_code(std::errc::no_such_file_or_directory);
    const auto both = arrived_of(filesystem_error("rename", "/from here", "/to", code));
    REQUIRE(both.code() == code);
    REQUIRE(both.path1() == "/from here");
    REQUIRE(both.path2() == "/to");
    const auto one = arrived_of(filesystem_error("open", "/a", code));
    REQUIRE(one.path1() == "/a");
    REQUIRE(one.path2().empty());
    REQUIRE(arrived_of(filesystem_error("neither", code)).path1().empty());
    arrives_as_itself(filesystem_error("", "", code));
    arrives_as_itself(filesystem_error("a", "", "", code));
    try {
        std::filesystem::create_directory("/no/such/place");
        FAIL("made");
    } catch (const filesystem_error& e) {
        arrives_as_itself(e);
    }

    REQUIRE(arrived_of(std::ios_base::failure("read")).code() == std::io_errc::stream);
    REQUIRE(arrived_of(std::ios_base::failure("read", code)).code() == code);
    const std::system_error stream(std::make_error_code(std::io_errc::stream), "through");
    REQUIRE(arrived_of(stream).code() == std::io_errc::stream);
}

TEST_CASE("a standard exception that takes no text keeps the one it had") {
    std::variant<int, std::string> value = 3;
    std::string text;
    const auto thrower = [&] {
        try {
            static_cast<void>(std::get<1>(value));
        } catch (const std::bad_variant_access& e) {
            text = e.what();
            throw;
        }
    };
    auto arrived = sent(thrower);
    for (int hop = 0; hop < 3; ++hop) {
        try {
            std::rethrow_exception(arrived);
        } catch (const std::bad_variant_access& e) {
            REQUIRE(e.what() == text);
        }
        arrived = sent([&] { std::rethrow_exception(arrived); });
    }
}

TEST_CASE("a system_error keeps code and text") {
    const auto check = [](const std::system_error& original) {
        arrives_as_itself(original);
        try {
            std::rethrow_exception(sent([&] { throw std::system_error(original); }));
        } catch (const std::system_error& e) {
            REQUIRE(e.code() == original.code());
        }
    };
    check(std::system_error(std::make_error_code(std::errc::no_space_on_device), "write"));
    check(std::system_error(std::make_error_code(std::errc::no_space_on_device)));
    check(std::system_error(ENOENT, std::system_category(), "open: file.txt"));
    check(std::system_error(-5, std::generic_category(), ""));
    check(std::system_error(0, std::system_category()));

    // The other side cannot trust the address of a category of the user's.
    const auto remote = described(sent([] {
        static const user::category mine;
        throw std::system_error(3, mine, "text");
    }));
    REQUIRE(remote.type() == "std::system_error");
    REQUIRE(remote.text() == "text: user message");
}

TEST_CASE("an exception of any other type is described") {
    const auto failure = described(sent([] { throw user::failure("no luck"); }));
    REQUIRE(failure.type() == "user::failure");
    REQUIRE(failure.text() == "no luck");
    REQUIRE(failure.worker() == worker);
    REQUIRE(failure.chain().size() == 1);
    REQUIRE_THAT(failure.what(), ContainsSubstring("user::failure: no luck"));

    const auto number = described(sent([] { throw 42; }));
    REQUIRE(number.type() == "int");
    REQUIRE(number.text() == "42");
    REQUIRE(std::string(number.what()) == "int: 42");
    REQUIRE(described(sent([] { throw 17UL; })).text() == "17");
    REQUIRE(described(sent([] { throw -3LL; })).text() == "-3");
    REQUIRE(described(sent([] { throw std::uint8_t{200}; })).text() == "200");
    REQUIRE(described(sent([] { throw 0.1; })).text() == "0.1");
    REQUIRE(described(sent([] { throw 'x'; })).text() == "x");
    REQUIRE(described(sent([] { throw true; })).text() == "true");
    REQUIRE_THAT(described(sent([] { throw std::make_error_code(std::errc::io_error); })).text(),
                 ContainsSubstring("generic:5"));

    REQUIRE(described(sent([] { throw user::plain(); })).type() == "user::plain");
    REQUIRE(described(sent([] { throw "text"; })).type() == "char const*");
    REQUIRE(described(sent([] { throw "text"; })).text() == "text");
    REQUIRE(described(sent([] { throw static_cast<const char*>(nullptr); })).text().empty());
    REQUIRE(described(sent([] { throw std::string("text"); })).text() == "text");
    const auto lambda = [] {};
    REQUIRE_FALSE(described(sent([&] { throw lambda; })).type().empty());
}

TEST_CASE("an exception that resists is described all the same") {
    const auto uncopyable = described(sent([] { throw user::uncopyable(); }));
    REQUIRE(uncopyable.type() == "user::uncopyable");
    REQUIRE(uncopyable.text() == "made once");
    const auto no_text = described(sent([] { throw user::no_text(); }));
    REQUIRE(no_text.type() == "user::no_text");
    REQUIRE(no_text.text().empty());
    // Not catchable as std::exception: the base is ambiguous, or private.
    REQUIRE(described(sent([] { throw user::two_bases(); })).type() == "user::two_bases");
    REQUIRE(described(sent([] { throw user::hidden_base(); })).type() == "user::hidden_base");
}

TEST_CASE("a long text is cut off") {
    const auto remote = described(sent([] { throw user::failure(std::string(1 << 20, 'x')); }));
    REQUIRE(remote.text().size() == yoke::detail::exception_text_limit);
}

TEST_CASE("what is nested in a standard exception is nested in it again") {
    const auto arrived = sent([] {
        nest(std::runtime_error("outer"),
             [] { nest(std::invalid_argument("middle"), [] { throw std::bad_alloc(); }); });
    });
    try {
        std::rethrow_exception(arrived);
    } catch (const std::runtime_error& e) {
        REQUIRE(std::string(e.what()) == "outer");
    }
    const auto middle = nested_in(arrived);
    REQUIRE(middle != nullptr);
    try {
        std::rethrow_exception(middle);
    } catch (const std::invalid_argument& e) {
        REQUIRE(std::string(e.what()) == "middle");
    }
    const auto inner = nested_in(middle);
    REQUIRE(inner != nullptr);
    REQUIRE(type_of(inner) == type_of(std::make_exception_ptr(std::bad_alloc())));
    REQUIRE(nested_in(inner) == nullptr);
#if defined(__cpp_rtti)
    try {
        std::rethrow_exception(arrived);
    } catch (const std::runtime_error& e) {
        REQUIRE_THROWS_AS(std::rethrow_if_nested(e), std::invalid_argument);
    }
#endif
    // And it can cross again.
    REQUIRE(nested_in(nested_in(sent([&] { std::rethrow_exception(arrived); }))) != nullptr);
}

TEST_CASE("what is nested in any other exception is in its chain") {
    const auto remote = described(sent(
        [] { nest(user::failure("outer"), [] { nest(std::runtime_error("middle"), [] { throw 42; }); }); }));
    REQUIRE(remote.chain().size() == 3);
    REQUIRE(remote.type() == "user::failure");
    REQUIRE(remote.chain()[1].type == "std::runtime_error");
    REQUIRE(remote.chain()[1].what == "middle");
    REQUIRE(remote.chain()[2].type == "int");

    // A standard exception outside, one of the user inside.
    const auto arrived =
        sent([] { nest(std::runtime_error("outer"), [] { throw user::failure("inner"); }); });
    REQUIRE(type_of(arrived) != type_of(std::make_exception_ptr(std::runtime_error("outer"))));
    REQUIRE_THROWS_AS(std::rethrow_exception(arrived), std::runtime_error);
    const auto inner = described(nested_in(arrived));
    REQUIRE(inner.type() == "user::failure");
    REQUIRE(inner.worker() == worker);
}

TEST_CASE("a nested_exception made outside a handler has nothing nested") {
    struct lonely : std::runtime_error, std::nested_exception {
        lonely() : std::runtime_error("alone") {}
    };
    REQUIRE(described(sent([] { throw lonely(); })).chain().size() == 1);
}

TEST_CASE("a description that crosses again stays the description") {
    const auto once = sent([] { nest(user::failure("outer"), [] { throw std::runtime_error("inner"); }); });
    const auto twice = described(decode_exception(encode_exception(once), 12));
    REQUIRE(twice.type() == "user::failure");
    REQUIRE(twice.chain().size() == 2);
    REQUIRE(twice.chain()[1].what == "inner");
    REQUIRE(twice.worker() == worker);  // where it was thrown
}

TEST_CASE("a chain is cut off at its limit") {
    std::exception_ptr error = std::make_exception_ptr(user::failure("innermost"));
    for (int i = 0; i < 200; ++i) {
        try {
            nest(user::failure(std::to_string(i)), [&] { std::rethrow_exception(error); });
        } catch (...) {
            error = std::current_exception();
        }
    }
    const auto remote = described(decode_exception(encode_exception(error), worker));
    REQUIRE(remote.text() == "199");
    REQUIRE(remote.chain().size() == yoke::detail::exception_chain_limit);
    // Descriptions of earlier crossings included.
    const auto again =
        sent([&] { nest(user::failure("last"), [&] { throw yoke::remote_error(remote.chain(), 1); }); });
    REQUIRE(described(again).chain().size() == yoke::detail::exception_chain_limit);
}

TEST_CASE("bytes that are no exception give an error that says so") {
    REQUIRE(described(decode_exception({}, worker)).text() ==
            "the worker had no memory to describe it, or too many others beside it");

    const auto bytes = encode_exception(std::make_exception_ptr(std::runtime_error("some text")));
    for (std::size_t length = 1; length < bytes.size(); ++length) {
        const auto error = decode_exception(std::span<const std::byte>(bytes).first(length), worker);
        REQUIRE_THROWS_AS(std::rethrow_exception(error), yoke::decode_error);
    }
    auto longer = bytes;
    longer.push_back(std::byte{});
    REQUIRE_THROWS_AS(std::rethrow_exception(decode_exception(longer, worker)), yoke::decode_error);
    for (std::size_t at = 0; at < 8; ++at) {
        auto hostile = bytes;
        hostile[at] = std::byte{0xff};
        REQUIRE_THROWS_AS(std::rethrow_exception(decode_exception(hostile, worker)), yoke::decode_error);
    }
}

TEST_CASE("more links than may be in a chain are refused") {
    using yoke::detail::exception_chain_limit;
    for (const std::size_t links :
         {std::size_t{0}, exception_chain_limit, exception_chain_limit + 1, std::size_t{1000}}) {
        std::vector<yoke::detail::exception_link> chain(links);
        for (auto& link : chain) link.type = "std::runtime_error";
        const auto bytes =
            yoke::detail::bytes_of([&](yoke::wire_writer& out) { yoke::detail::put_chain(out, chain); });
        const auto error = decode_exception(bytes, worker);
        if (links == exception_chain_limit) {
            REQUIRE(nested_in(error) != nullptr);
        } else {
            REQUIRE_THROWS_AS(std::rethrow_exception(error), yoke::decode_error);
        }
    }
}

TEST_CASE("whatever the bytes say, there is an exception") {
    std::mt19937 random(1);
    std::vector<std::vector<std::byte>> seeds;
    const auto seed = [&](const std::exception_ptr& e) { seeds.push_back(encode_exception(e)); };
    seed(std::make_exception_ptr(std::system_error(2, std::system_category(), "a")));
    seed(std::make_exception_ptr(yoke::stage_error("b", 1, 2)));
    seed(std::make_exception_ptr(yoke::remote_error({{"c", "d"}, {"e", "f"}}, 3)));
    seed(sent([] { nest(std::runtime_error("outer"), [] { throw std::bad_cast(); }); }));
    seed(std::make_exception_ptr(yoke::worker_lost("e", 1, 2, 3, 4, 5, "f")));
    seed(std::make_exception_ptr(yoke::missing_rows("g", {{1, 2}})));
    seed(std::make_exception_ptr(std::filesystem::filesystem_error("h", "i", "j", std::error_code())));
    seed(std::make_exception_ptr(yoke::task_errors(
        {std::make_exception_ptr(std::bad_cast()), std::make_exception_ptr(yoke::task_timeout("k"))}, "l")));
    int settled = 0;
    for (int round = 0; round < 20000; ++round) {
        auto bytes = seeds[static_cast<std::size_t>(round) % seeds.size()];
        const auto changes = 1 + random() % 4;
        for (unsigned change = 0; change < changes; ++change)
            bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        if (random() % 8 == 0) bytes.resize(random() % bytes.size());
        settled += decode_exception(bytes, worker) != nullptr;
    }
    REQUIRE(settled == 20000);
}
