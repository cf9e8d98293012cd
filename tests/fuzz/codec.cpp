// SPDX-License-Identifier: MIT
//
// The codecs: any bytes are a value or a decode_error, and a value that came of them survives the next crossing.
#include "fuzz.hpp"

#include <yoke/wire/bind_values.hpp>
#include <yoke/wire/codec.hpp>
#include <yoke/wire/remote_call.hpp>

#include <complex>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace {

enum class colour : std::uint8_t { red, green };

struct plain {
    bool first = false;
    std::int32_t numbers[3] = {};
    bool second = false;
};
struct leaf {
    std::string name;
    std::optional<double> weight;
    std::vector<bool> bits;
};
/// Contains itself.
struct tree {
    leaf here;
    std::vector<tree> below;
    std::map<std::string, std::variant<std::monostate, int, std::string, std::list<plain>>> labels;
};

using yoke::decode_all;
using yoke::encoded;
using yoke_fuzz::check;

template <class T>
void decode_as(std::span<const std::byte> bytes) {
    std::optional<T> value;
    try {
        value = decode_all<T>(bytes);
    } catch (const yoke::decode_error&) {
        return;
    }
    const auto once = encoded(*value);
    const auto twice = encoded(decode_all<T>(once));
    check(once.size() == twice.size(), "a decoded value does not survive a crossing");
}

/// As a worker decodes a call and the program its result.
using call = yoke::remote_call_of<std::size_t (*)(const std::string&, const std::vector<leaf>&), std::string,
                                  std::vector<leaf>>;
void decode_result(std::span<const std::byte> bytes) {
    try {
        static_cast<void>(call::decode_result(bytes));
    } catch (const yoke::decode_error&) {
        return;
    }
    check(bytes.size() == sizeof(std::size_t), "a result of the wrong size was taken");
}

using decoder = void (*)(std::span<const std::byte>);
constexpr decoder decoders[] = {decode_as<tree>,
                                decode_as<std::vector<std::vector<std::string>>>,
                                decode_as<std::vector<plain>>,
                                decode_as<std::vector<std::uint64_t>>,
                                decode_as<std::vector<std::tuple<>>>,
                                decode_as<std::set<std::pair<int, std::string>>>,
                                decode_as<std::multimap<std::string, std::deque<colour>>>,
                                decode_as<std::unordered_map<std::string, std::vector<leaf>>>,
                                decode_as<std::vector<std::variant<bool, std::string, std::complex<float>>>>,
                                decode_as<std::array<std::optional<bool>, 3>>,
                                decode_as<std::filesystem::path>,
                                decode_as<std::tuple<std::error_code, std::wstring, plain>>,
                                decode_as<yoke::bound_values<std::plus<int>, int, std::string>>,
                                decode_result};

template <class T>
std::vector<std::byte> seed(std::size_t which, const T& value) {
    auto bytes = encoded(value);
    bytes.insert(bytes.begin(), static_cast<std::byte>(which));
    return bytes;
}

}  // namespace

/// A byte that says as what the rest is decoded.
void yoke_fuzz::run(std::span<const std::byte> input) {
    if (input.empty()) return;
    decoders[static_cast<std::size_t>(input[0]) % std::size(decoders)](input.subspan(1));
}

std::vector<std::vector<std::byte>> yoke_fuzz::seeds() {
    tree value{{"root", 1.5, {true, false, true}}, {}, {{"a", 7}, {"b", std::string("text")}}};
    value.labels["c"] = std::list<plain>{{true, {1, 2, 3}, false}};
    value.below.push_back(value);
    value.below.push_back({{"leaf", {}, {}}, {}, {}});
    return {
        seed(0, value),
        seed(1, std::vector<std::vector<std::string>>{{"a", "bc"}, {}, {"def"}}),
        seed(2, std::vector<plain>{{true, {1, 2, 3}, true}, {}}),
        seed(3, std::vector<std::uint64_t>{1, 2, 3}),
        seed(4, std::vector<std::tuple<>>(5)),
        seed(5, std::set<std::pair<int, std::string>>{{1, "x"}, {2, "y"}}),
        seed(6, std::multimap<std::string, std::deque<colour>>{{"k", {colour::red, colour::green}}}),
        seed(7, std::unordered_map<std::string, std::vector<leaf>>{{"k", {{"l", 2.0, {true}}}}}),
        seed(8, std::vector<std::variant<bool, std::string, std::complex<float>>>{true, std::string("s")}),
        seed(9, std::array<std::optional<bool>, 3>{true, std::nullopt, false}),
        seed(10, std::filesystem::path("a/b")),
        seed(11, std::tuple(std::make_error_code(std::errc::io_error), std::wstring(L"wide"), plain{})),
        seed(12, yoke::bind_values(std::plus<int>(), 3, std::string("bound"))),
        seed(13, std::size_t{42})};
}
