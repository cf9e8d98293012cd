// SPDX-License-Identifier: MIT
// labels: process
#include "catch.hpp"

#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/polymorphic.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>

#include <yoke/adapter/cereal.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/wire/codec.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

enum class side : std::uint8_t { buy, sell };

/// A class that nobody could take apart without its serialize().
class order {
public:
    order() = default;
    order(std::string symbol, std::vector<double> prices, side which)
        : symbol_(std::move(symbol)), prices_(std::move(prices)), side_(which) {
        notes_["made"] = true;
        link_ = std::make_shared<int>(7);
    }
    [[nodiscard]] const std::string& symbol() const { return symbol_; }
    [[nodiscard]] double total() const {
        double sum = 0;
        for (const double price : prices_) sum += price;
        return sum;
    }
    [[nodiscard]] bool whole() const { return side_ == side::sell && notes_.at("made") && *link_ == 7; }
    void add(double price) { prices_.push_back(price); }

private:
    friend class cereal::access;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(cereal::make_nvp("symbol", symbol_), prices_, side_, notes_, link_);
    }

    std::string symbol_;
    std::vector<double> prices_;
    side side_ = side::buy;
    std::map<std::string, bool> notes_;
    std::shared_ptr<int> link_;
};

/// Split, outside of the class, with a version.
struct versioned {
    int number = 0;
};
template <class Archive>
void save(Archive& archive, const versioned& value, std::uint32_t version) {
    archive(value.number, version);
}
template <class Archive>
void load(Archive& archive, versioned& value, std::uint32_t version) {
    std::uint32_t noted = 0;
    archive(value.number, noted);
    if (noted != version) throw std::logic_error("another version");
}

struct shape {
    virtual ~shape() = default;
    [[nodiscard]] virtual double area() const = 0;
};
struct square final : shape {
    double edge = 0;
    [[nodiscard]] double area() const override { return edge * edge; }
    template <class Archive>
    void serialize(Archive& archive) {
        archive(edge);
    }
};
struct drawing {
    std::vector<std::unique_ptr<shape>> shapes;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(shapes);
    }
};

struct throws {
    template <class Archive>
    void serialize(Archive&) {
        throw std::domain_error("not today");
    }
};

}  // namespace

CEREAL_CLASS_VERSION(versioned, 3)
CEREAL_REGISTER_TYPE(square)
CEREAL_REGISTER_POLYMORPHIC_RELATION(shape, square)

template <>
struct yoke::codec<order> : yoke::cereal_codec<order> {};
template <>
struct yoke::codec<versioned> : yoke::cereal_codec<versioned> {};
template <>
struct yoke::codec<drawing> : yoke::cereal_codec<drawing> {};
template <>
struct yoke::codec<throws> : yoke::cereal_codec<throws> {};

static_assert(yoke::shippable<order>);
static_assert(yoke::shippable<std::map<std::string, std::optional<order>>>);

TEST_CASE("a type with serialize() crosses to a worker and back, alone and within others", "[process]") {
    yoke::process_pool pool(1);
    const auto add = [](order o, double price) {
        o.add(price);
        return o;
    };
    const order back = pool.submit(add, order("ABC", {1.5, 2}, side::sell), 10.0).get();
    REQUIRE(back.symbol() == "ABC");
    REQUIRE(back.total() == 13.5);
    REQUIRE(back.whole());

    const auto totals = [](const std::map<std::string, std::vector<order>>& all) {
        std::vector<double> sums;
        for (const auto& [name, orders] : all)
            for (const order& each : orders) sums.push_back(each.total());
        return sums;
    };
    std::map<std::string, std::vector<order>> book;
    book["a"] = {order("x", {1, 2, 3}, side::sell), order("y", std::vector<double>(10'000, 0.5), side::buy)};
    REQUIRE(pool.submit(totals, book).get() == std::vector<double>{6, 5000});
}

TEST_CASE("split functions, versions and registered types behind a pointer cross", "[process]") {
    REQUIRE(yoke::decode_all<versioned>(yoke::encoded(versioned{42})).number == 42);
    yoke::process_pool pool(1);
    const auto draw = [](int n) {
        drawing made;
        for (int i = 0; i < n; ++i) {
            auto one = std::make_unique<square>();
            one->edge = i;
            made.shapes.push_back(std::move(one));
        }
        return made;
    };
    const drawing back = pool.submit(draw, 4).get();
    REQUIRE(back.shapes.size() == 4);
    REQUIRE(back.shapes.back()->area() == 9);
}

TEST_CASE("a serialize() that throws fails its own call only", "[process]") {
    yoke::process_pool pool(1);
    REQUIRE_THROWS_AS(pool.submit([](throws) {}, throws{}), std::domain_error);
    REQUIRE_THROWS_AS(pool.submit([] { return throws{}; }).get(), std::domain_error);
    REQUIRE(pool.submit([](int x) { return x; }, 3).get() == 3);
}

TEST_CASE("bytes that are no such value are refused, and nothing is made that they do not hold") {
    const auto bytes = yoke::encoded(order("ABC", {1, 2, 3}, side::sell));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        REQUIRE_THROWS_AS(yoke::decode_all<order>(std::span(bytes).first(size)), yoke::decode_error);
    auto more = bytes;
    more.push_back(std::byte{0});
    REQUIRE_THROWS_AS(yoke::decode_all<order>(more), yoke::decode_error);
    // The length of the symbol comes first.
    for (const int last : {0x00, 0x7f, 0xff}) {
        auto huge = bytes;
        for (std::size_t i = 2; i < 8; ++i) huge[i] = static_cast<std::byte>(last);
        huge[2] = std::byte{1};
        REQUIRE_THROWS_AS(yoke::decode_all<order>(huge), yoke::decode_error);
    }
}

TEST_CASE("the size that is counted is the size that is written") {
    const order value("ABCDEF", {1, 2, 3}, side::sell);
    yoke::wire_writer count;
    yoke::encode(count, value);
    REQUIRE(count.size() == yoke::encoded(value).size());
    std::vector<std::byte> small(count.size() - 1);
    yoke::wire_writer out(small);
    REQUIRE_THROWS_AS(yoke::encode(out, value), yoke::message_too_large);
}
