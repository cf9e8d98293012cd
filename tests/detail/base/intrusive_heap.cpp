// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/base/intrusive_heap.hpp>

#include <algorithm>
#include <random>
#include <vector>

using namespace yoke::detail;

namespace {

struct item {
    int key = 0;
    bool in = false;
    heap_links<item> links;
};
struct smaller {
    bool operator()(const item& a, const item& b) const noexcept { return a.key < b.key; }
};
using heap = intrusive_heap<item, &item::links, smaller>;

}  // namespace

TEST_CASE("elements come out in order, whatever the order they went in") {
    std::vector<item> items(100);
    for (int i = 0; i < 100; ++i) items[static_cast<std::size_t>(i)].key = i * 37 % 100;
    heap all;
    REQUIRE(all.empty());
    REQUIRE(all.pop() == nullptr);
    for (item& each : items) all.push(each);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(all.top()->key == i);
        REQUIRE(all.pop()->key == i);
    }
    REQUIRE(all.empty());
}

TEST_CASE("elements are taken from anywhere, and the rest stays in order") {
    std::mt19937 random(1);
    std::vector<item> items(50);
    heap all;
    for (int step = 0; step < 20'000; ++step) {
        item& each = items[random() % items.size()];
        if (each.in) {
            all.remove(each);
            each.in = false;
        } else {
            each.key = static_cast<int>(random() % 1000);
            all.push(each);
            each.in = true;
        }
        const auto least = std::min_element(items.begin(), items.end(), [](const item& a, const item& b) {
            return a.in != b.in ? a.in : a.key < b.key;
        });
        REQUIRE(all.empty() == !least->in);
        if (least->in) REQUIRE(all.top()->key == least->key);
        if (step % 5 == 0 && !all.empty()) {
            item* const first = all.pop();
            REQUIRE(first->in);
            REQUIRE(first->key == least->key);
            first->in = false;
        }
    }
}
