// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/wire/codec.hpp>

#include <array>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

using Catch::Matchers::ContainsSubstring;

namespace {

enum class color : std::uint8_t { red, green };
enum class sure : bool { no, yes };

struct point {
    int x = 0;
    double y = 0;
    bool operator==(const point&) const = default;
};
struct flags {
    bool first = false;
    int number = 0;
    bool more[3] = {};
    sure last = sure::no;
    bool operator==(const flags&) const = default;
};
struct record {
    std::string name;
    std::vector<point> path;
    std::map<int, std::optional<color>> colors;
    char code[4] = {};
    std::string lines[2][2];
    flags state;
    std::variant<std::monostate, std::string, point> extra;
    bool operator==(const record&) const = default;
};
struct tree {
    int value = 0;
    std::vector<tree> children;
    bool operator==(const tree&) const = default;
};
struct constant {
    const int number = 1;
    int other = 2;
    bool operator==(const constant&) const = default;
};
struct nothing {
    bool operator==(const nothing&) const = default;
};

class opaque {
public:
    opaque() = default;
    explicit opaque(int v) : value_(v) {}
    bool operator==(const opaque&) const = default;

private:
    int value_ = 0;
};

/// Has no default constructor, cannot be copied, and its bytes are not those of its members.
class reversed {
public:
    explicit reversed(std::string text) : text_(std::make_unique<std::string>(std::move(text))) {}
    [[nodiscard]] const std::string& text() const { return *text_; }
    bool operator==(const reversed& other) const { return text() == other.text(); }

private:
    std::unique_ptr<std::string> text_;
};

/// Aggregates that cannot be made without their members.
struct around {
    int before = 0;
    reversed text;
    std::string after;
    bool operator==(const around&) const = default;
};
struct twice_around {
    around first;
    std::vector<around> more;
    bool operator==(const twice_around&) const = default;
};

/// Encodes to no bytes at all.
struct silent {
    explicit silent(int) {}
    bool operator==(const silent&) const = default;
};

/// Cannot be made.
struct refusing {
    explicit refusing(int) { throw 1; }
    std::string text;
};

/// Its codec says how large it is, and may be wrong.
struct measured {
    std::uint32_t written = 0;
    std::uint32_t announced = 0;
};

}  // namespace

template <>
struct yoke::codec<reversed> {
    static void encode(wire_writer& out, const reversed& value) {
        yoke::encode(out, std::string(value.text().rbegin(), value.text().rend()));
    }
    static reversed decode(wire_reader& in) {
        const auto text = yoke::decode<std::string>(in);
        return reversed(std::string(text.rbegin(), text.rend()));
    }
};
template <>
struct yoke::codec<silent> {
    static void encode(wire_writer&, const silent&) {}
    static silent decode(wire_reader&) { return silent(0); }
};
template <>
struct yoke::codec<refusing> {
    static void encode(wire_writer& out, const refusing& value) { yoke::encode(out, value.text); }
    static refusing decode(wire_reader&) { return refusing(0); }
};
template <>
struct yoke::codec<measured> {
    static std::size_t size(const measured& value) { return value.announced; }
    static void encode(wire_writer& out, const measured& value) {
        for (std::uint32_t i = 0; i < value.written; ++i) out.number('x');
    }
    static measured decode(wire_reader& in) {
        const auto size = static_cast<std::uint32_t>(in.remaining());
        static_cast<void>(in.bytes(size, "a measured value"));
        return {size, size};
    }
};

namespace {

/// The bytes arrive; a part of them, or one byte more, does not. `arrives` decodes and compares.
void check_round_trip(const std::vector<std::byte>& bytes, std::size_t announced,
                      const std::function<bool(std::span<const std::byte>)>& arrives) {
    REQUIRE(bytes.size() == announced);
    REQUIRE(arrives(bytes));

    const auto is_refused = [&](std::span<const std::byte> some) {
        try {
            static_cast<void>(arrives(some));
            return false;
        } catch (const yoke::decode_error&) {
            return true;
        }
    };
    std::size_t accepted = 0;
    const std::size_t step = bytes.size() < 2000 ? 1 : bytes.size() / 500;
    for (std::size_t length = 0; length < bytes.size(); length += step) {
        // Memory of its own, so that a sanitizer sees a read past its end.
        const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        if (!is_refused(part)) ++accepted;
    }
    REQUIRE(accepted == 0);
    std::vector<std::byte> longer = bytes;
    longer.push_back(std::byte{1});
    REQUIRE(is_refused(longer));

    // At an odd address, nothing is aligned.
    std::vector<std::byte> shifted(1);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    REQUIRE(arrives(std::span<const std::byte>(shifted).subspan(1)));
}

template <class T>
void round_trip(const T& value) {
    check_round_trip(yoke::encoded(value), yoke::encoded_size(value),
                     [&](std::span<const std::byte> bytes) { return yoke::decode_all<T>(bytes) == value; });
}

record some_record() {
    record value;
    value.name = "a name that is too long for the small string";
    value.path = {{1, 2.5}, {-3, 4}};
    value.colors = {{1, color::green}, {2, std::nullopt}};
    std::memcpy(value.code, "abc", 4);
    value.lines[0][1] = "x";
    value.lines[1][0] = "yy";
    value.state = {true, 3, {false, true, false}, sure::yes};
    value.extra = "text";
    return value;
}

/// Whatever the bytes are: a value that can be written again, or decode_error.
template <class T>
bool settles(std::span<const std::byte> bytes) {
    try {
        const T value = yoke::decode_all<T>(bytes);
        static_cast<void>(yoke::encoded(value));
    } catch (const yoke::decode_error&) {}
    return true;
}

std::vector<std::byte> with_length(std::uint64_t length, std::size_t more) {
    std::vector<std::byte> bytes(sizeof length + more);
    yoke::wire_writer out(bytes);
    out.number(length);
    return bytes;
}

}  // namespace

TEST_CASE("numbers, enums and pieces of memory arrive as they were") {
    round_trip(0);
    round_trip(-1);
    round_trip(std::numeric_limits<std::uint64_t>::max());
    round_trip('x');
    round_trip(U'x');
    round_trip(true);
    round_trip(false);
    round_trip(0.1);
    round_trip(1.5L);
    round_trip(std::numeric_limits<float>::infinity());
    round_trip(color::green);
    round_trip(sure::yes);
    round_trip(std::byte{7});
    round_trip(std::complex<double>(1, -2));
    round_trip(std::chrono::milliseconds(12));
    round_trip(std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000)));
    round_trip(opaque(3));
    round_trip(point{3, 0.25});
    round_trip(constant{7, 8});
    round_trip(std::array<point, 2>{point{1, 2}, point{3, 4}});
    round_trip(std::array<bool, 2>{true, false});
    round_trip(&point::x);
    round_trip(static_cast<int (*)(const char*)>(&std::atoi));
    round_trip(static_cast<int (*)(const char*)>(nullptr));
    REQUIRE(yoke::encoded_size(std::array<point, 10>{}) == 10 * sizeof(point));
}

TEST_CASE("what holds nothing has no bytes") {
    REQUIRE(yoke::encoded(nothing()).empty());
    REQUIRE(yoke::encoded(std::monostate()).empty());
    REQUIRE(yoke::encoded(std::tuple<>()).empty());
    REQUIRE(yoke::encoded(std::array<std::string, 0>()).empty());
    round_trip(nothing());
    round_trip(std::tuple<>());
    round_trip(std::array<int, 0>());
}

TEST_CASE("strings and containers arrive with their elements, in their order") {
    round_trip(std::string());
    round_trip(std::string("text with \0 in it", 17));
    round_trip(std::string(100'000, 'x'));
    round_trip(std::wstring(L"wide"));
    round_trip(std::u32string(U"wider"));
    round_trip(std::pmr::string("other allocator"));
    round_trip(std::filesystem::path("/tmp/some file"));
    round_trip(std::vector<int>());
    round_trip(std::vector<int>{1, 2, 3});
    round_trip(std::vector<double>(100'000, 0.5));
    round_trip(std::vector<bool>{true, false, true});
    round_trip(std::vector<std::string>{"", "a", "bb"});
    round_trip(std::vector<std::vector<std::vector<int>>>{{}, {{}, {1}}, {{2, 3}}});
    round_trip(std::vector<point>{{1, 2}, {3, 4}});
    round_trip(std::vector<flags>(3, flags{true, 1, {true, false, true}, sure::yes}));
    round_trip(std::pmr::vector<std::string>{"a", "b"});
    round_trip(std::array<std::string, 3>{"a", "", "c"});
    round_trip(std::deque<int>{3, 1, 2});
    round_trip(std::list<std::string>{"z", "a"});
    round_trip(std::set<int>{3, 1, 2});
    round_trip(std::set<std::string, std::greater<>>{"a", "b"});
    round_trip(std::multiset<int>{1, 1, 2});
    round_trip(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
    round_trip(std::multimap<int, std::string>{{1, "b"}, {1, "a"}, {0, "c"}});
    round_trip(std::unordered_set<std::string>{"a", "b", "c"});
    round_trip(std::unordered_multiset<int>{1, 1, 2});
    round_trip(std::unordered_map<int, std::string>{{1, "a"}, {2, "b"}});
    round_trip(std::unordered_multimap<int, int>{{1, 2}, {1, 3}});
}

TEST_CASE("optional, variant, pair and tuple arrive as they were") {
    round_trip(std::optional<int>());
    round_trip(std::optional<int>(3));
    round_trip(std::optional<bool>(false));
    round_trip(std::optional<std::optional<std::string>>(std::optional<std::string>()));
    round_trip(std::optional<std::optional<int>>());
    round_trip(std::variant<int, std::string>("text"));
    round_trip(std::variant<int, int>(std::in_place_index<1>, 3));
    round_trip(std::pair<int, std::string>(1, "a"));
    round_trip(std::pair<const int, bool>(1, true));
    round_trip(std::tuple<std::string>("a"));
    round_trip(std::tuple<std::tuple<int>>(3));
    round_trip(std::tuple<int, std::vector<std::string>, bool>(1, {"a"}, true));
}

TEST_CASE("aggregates arrive, also those that contain themselves") {
    round_trip(flags{true, 3, {true, false, true}, sure::yes});
    round_trip(record());
    round_trip(some_record());
    round_trip(std::vector<record>(3, some_record()));
    round_trip(tree{1, {{2, {}}, {3, {{4, {}}}}}});
}

TEST_CASE("aggregates of what has no default constructor are made of their members") {
    round_trip(around{7, reversed("text"), "after"});
    twice_around value{{1, reversed("a"), "b"}, {}};
    value.more.push_back({2, reversed(""), std::string(100, 'c')});
    value.more.push_back({3, reversed("d"), ""});
    round_trip(value);
}

TEST_CASE("error codes of the common categories arrive, others are refused when they are encoded") {
    round_trip(std::error_code());
    round_trip(std::make_error_code(std::errc::timed_out));
    round_trip(std::error_code(2, std::generic_category()));
    struct : std::error_category {
        [[nodiscard]] const char* name() const noexcept override { return "mine"; }
        [[nodiscard]] std::string message(int) const override { return ""; }
    } mine;
    REQUIRE_THROWS_AS(yoke::encoded(std::error_code(1, mine)), yoke::unsupported);
}

TEST_CASE("a user's codec is used wherever the type occurs") {
    round_trip(reversed("text"));
    std::vector<reversed> values;
    values.emplace_back("ab");
    values.emplace_back("cd");
    round_trip(values);
    const auto bytes = yoke::encoded(values);
    REQUIRE(std::memcmp(bytes.data() + 16, "ba", 2) == 0);
    round_trip(std::vector<silent>(5, silent(1)));
    round_trip(std::vector<std::tuple<>>(3));
    round_trip(std::vector<nothing>(3));
}

TEST_CASE("the size that a codec announces is taken, and a wrong one ends in an error, not past the memory") {
    REQUIRE(yoke::encoded_size(measured{5, 5}) == 5);
    REQUIRE(yoke::encoded(measured{5, 5}).size() == 5);
    REQUIRE_THROWS_AS(yoke::encoded(measured{6, 5}), yoke::message_too_large);
}

TEST_CASE("a variant that lost its value is refused") {
    std::variant<std::string, refusing> value("text");
    REQUIRE_THROWS_AS(value.emplace<refusing>(0), int);
    REQUIRE(value.valueless_by_exception());
    REQUIRE_THROWS_AS(yoke::encoded(value), std::invalid_argument);
}

TEST_CASE("move-only values can be decoded") {
    const auto value = yoke::decode_all<reversed>(yoke::encoded(reversed("abc")));
    REQUIRE(value.text() == "abc");
}

TEST_CASE("bytes that are no bool are refused, however deep they lie") {
    const auto refuses = [](auto value, std::size_t at) {
        auto bytes = yoke::encoded(value);
        for (const int byte : {2, 3, 128, 255}) {
            bytes.at(at) = static_cast<std::byte>(byte);
            REQUIRE_THROWS_AS(yoke::decode_all<decltype(value)>(bytes), yoke::decode_error);
        }
    };
    refuses(true, 0);
    refuses(sure::yes, 0);
    refuses(std::optional<int>(3), 0);
    refuses(std::array<bool, 3>{}, 1);
    refuses(std::vector<bool>{true, true}, 9);
    refuses(std::vector<sure>{sure::no, sure::no}, 9);
    refuses(std::variant<int, sure>(sure::no), 4);
    refuses(flags(), offsetof(flags, first));
    refuses(flags(), offsetof(flags, more) + 2);
    refuses(flags(), offsetof(flags, last));
    refuses(std::vector<flags>(3), 8 + 2 * sizeof(flags) + offsetof(flags, more));
    refuses(std::tuple<int, std::pair<std::string, bool>>(), 4 + 8);
}

TEST_CASE("an index that no alternative has is refused") {
    auto bytes = yoke::encoded(std::variant<int, std::string>(1));
    bytes[0] = std::byte{2};
    REQUIRE_THROWS_AS((yoke::decode_all<std::variant<int, std::string>>(bytes)), yoke::decode_error);
    bytes[3] = std::byte{0xff};
    REQUIRE_THROWS_AS((yoke::decode_all<std::variant<int, std::string>>(bytes)), yoke::decode_error);
}

TEST_CASE("a hostile length allocates nothing") {
    for (const std::uint64_t length :
         {std::uint64_t{41}, std::uint64_t{1} << 33, std::uint64_t{1} << 60, ~std::uint64_t{0}}) {
        const auto bytes = with_length(length, 40);
        REQUIRE_THROWS_AS(yoke::decode_all<std::string>(bytes), yoke::decode_error);
        REQUIRE_THROWS_AS(yoke::decode_all<std::vector<double>>(bytes), yoke::decode_error);
        REQUIRE_THROWS_AS(yoke::decode_all<std::vector<std::string>>(bytes), yoke::decode_error);
        REQUIRE_THROWS_AS(yoke::decode_all<std::vector<bool>>(bytes), yoke::decode_error);
        REQUIRE_THROWS_AS(yoke::decode_all<std::vector<silent>>(bytes), yoke::decode_error);
        REQUIRE_THROWS_AS((yoke::decode_all<std::unordered_map<int, int>>(bytes)), yoke::decode_error);
        REQUIRE_THROWS_AS(yoke::decode_all<tree>(bytes), yoke::decode_error);
    }
    // 40 bytes are 40 empty optionals at most, of 100,000 bytes each: nothing is reserved for more than is there.
    using large = std::optional<std::array<char, 100'000>>;
    REQUIRE(yoke::decode_all<std::vector<large>>(with_length(40, 40)).size() == 40);
    // A length times the size of an element that overflows.
    REQUIRE_THROWS_AS(yoke::decode_all<std::vector<double>>(with_length((std::uint64_t{1} << 61) + 1, 8)),
                      yoke::decode_error);
}

TEST_CASE("nesting deeper than the limit is refused on both sides") {
    const auto chain = [](std::size_t depth) {
        tree root;
        for (std::size_t i = 0; i < depth; ++i) {
            tree around;
            around.children.push_back(std::move(root));
            root = std::move(around);
        }
        return root;
    };
    round_trip(chain(40));
    const auto deepest = chain(yoke::wire_depth_limit - 1);
    REQUIRE(yoke::decode_all<tree>(yoke::encoded(deepest)) == deepest);
    REQUIRE_THROWS_AS(yoke::encoded(chain(yoke::wire_depth_limit)), yoke::message_too_large);

    // One child each, all the way down.
    std::vector<std::byte> hostile;
    for (int i = 0; i < 100'000; ++i) {
        const auto level = yoke::encoded(std::pair<int, std::uint64_t>(1, 1));
        hostile.insert(hostile.end(), level.begin(), level.end());
    }
    REQUIRE_THROWS_AS(yoke::decode_all<tree>(hostile), yoke::decode_error);
}

TEST_CASE("the message says what was wrong, and where") {
    try {
        static_cast<void>(
            yoke::decode_all<std::pair<int, std::string>>(with_length(std::uint64_t{9} << 32, 8)));
        FAIL();
    } catch (const yoke::decode_error& e) {
        REQUIRE_THAT(e.what(), ContainsSubstring("cannot decode the length of a container at byte 4 of 16"));
    }
}

TEST_CASE("random values arrive") {
    std::mt19937 random(1);
    const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
    const auto text = [&] {
        std::string value(below(4) == 0 ? below(300) : below(8), ' ');
        for (char& c : value) c = static_cast<char>(random());
        return value;
    };
    for (int round = 0; round < 300; ++round) {
        record value;
        value.name = text();
        value.path.resize(below(5), point{static_cast<int>(random()), 0.5});
        for (unsigned i = below(4); i > 0; --i)
            value.colors[static_cast<int>(random())] =
                below(2) == 0 ? std::optional<color>() : static_cast<color>(below(2));
        for (auto& lines : value.lines)
            for (auto& line : lines) line = text();
        value.state.more[below(3)] = below(2) == 0;
        if (below(3) == 0) value.extra = text();
        if (below(3) == 0) value.extra = point{1, 2};
        const auto bytes = yoke::encoded(value);
        REQUIRE(yoke::decode_all<record>(bytes) == value);
        const std::map<std::string, std::vector<record>> nested = {{text(), {value}}, {text(), {}}};
        REQUIRE(yoke::decode_all<std::map<std::string, std::vector<record>>>(yoke::encoded(nested)) ==
                nested);
    }
}

TEST_CASE("whatever the bytes say, decoding ends with a value or a decode_error") {
    std::mt19937 random(2);
    const auto random_bytes = [&](std::size_t size) {
        std::vector<std::byte> bytes(size);
        // Small numbers make plausible lengths.
        for (auto& byte : bytes)
            byte = static_cast<std::byte>(random() % 4 == 0 ? random() % 256 : random() % 3);
        return bytes;
    };
    using everything = std::tuple<std::vector<record>, std::unordered_map<std::string, std::set<int>>,
                                  std::vector<std::variant<bool, tree, std::list<flags>>>>;
    const everything value({some_record()}, {{"a", {1, 2}}},
                           {true, tree{1, {{2, {}}}}, std::list<flags>{flags(), flags()}});
    const auto good = yoke::encoded(value);
    int settled = 0;
    for (int round = 0; round < 3000; ++round) {
        const auto bytes = random_bytes(random() % 200);
        settled += settles<record>(bytes);
        settled += settles<tree>(bytes);
        settled += settles<everything>(bytes);
        settled += settles<std::vector<std::optional<std::string>>>(bytes);
        settled += settles<std::vector<flags>>(bytes);
        settled += settles<std::error_code>(bytes);

        auto changed = good;
        for (auto changes = 1 + random() % 3; changes > 0; --changes)
            changed[random() % changed.size()] = static_cast<std::byte>(random());
        settled += settles<everything>(changed);
    }
    REQUIRE(settled == 3000 * 7);
}
