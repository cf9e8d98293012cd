// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline/order_list.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace yoke::detail;

namespace {

std::vector<std::uint64_t> numbers_of(const order_list& list) {
    std::vector<std::uint64_t> numbers;
    const order_node* last = nullptr;
    for (const order_node* node = list.front(); node != nullptr; node = node->after) {
        CHECK(node->before == last);
        numbers.push_back(node->number);
        last = node;
    }
    return numbers;
}

}  // namespace

TEST_CASE("a node holds an item of any type that fits, and destroys it") {
    using node = item_node<sizeof(std::string), alignof(std::string)>;
    node one;
    CHECK(one.destroy == nullptr);
    one.emplace<std::string>(std::size_t{100}, 'x');
    CHECK(one.get<std::string>().size() == 100);
    one.reset();
    CHECK(one.destroy == nullptr);
    one.reset();
    auto shared = std::make_shared<int>(1);
    {
        node other;
        other.emplace<std::shared_ptr<int>>(shared);
        CHECK(shared.use_count() == 2);
    }
    CHECK(shared.use_count() == 1);
}

TEST_CASE("a chain is first in, first out") {
    order_node nodes[4];
    node_chain chain;
    CHECK(chain.pop() == nullptr);
    chain.push(nodes[0]);
    node_chain more(nodes[1]);
    more.push(nodes[2]);
    chain.append(std::move(more));
    CHECK(more.empty());
    chain.append(node_chain());
    CHECK(chain.pop() == &nodes[0]);
    chain.push(nodes[3]);
    CHECK(chain.pop() == &nodes[1]);
    CHECK(chain.pop() == &nodes[2]);
    CHECK(chain.pop() == &nodes[3]);
    CHECK(chain.empty());
    chain.push(nodes[0]);
    CHECK(chain.first() == &nodes[0]);
}

TEST_CASE("a heap gives the largest cost first and equals by number") {
    std::mt19937 random(7);
    for (int round = 0; round != 100; ++round) {
        std::deque<order_node> nodes(random() % 200);
        cost_heap heap;
        std::vector<order_node*> model;
        std::uint64_t number = 0;
        const auto first = [](const order_node* a, const order_node* b) {
            return a->cost != b->cost ? a->cost > b->cost : a->number < b->number;
        };
        for (auto& node : nodes) {
            node.cost = static_cast<double>(random() % 20);
            node.number = number++;
            heap.push(node);
            model.push_back(&node);
            if (random() % 3 == 0) {
                std::sort(model.begin(), model.end(), first);
                REQUIRE(heap.pop() == model.front());
                model.erase(model.begin());
            }
        }
        std::sort(model.begin(), model.end(), first);
        for (const order_node* expected : model) REQUIRE(heap.pop() == expected);
        CHECK(heap.empty());
        CHECK(heap.pop() == nullptr);
    }
}

TEST_CASE("the list keeps its order through insertions and removals anywhere") {
    order_node nodes[7];
    for (std::uint64_t i = 0; i != 7; ++i) nodes[i].number = i;
    order_list list;
    CHECK(list.empty());
    list.push_back(nodes[0]);
    list.push_back(nodes[1]);
    list.push_back(nodes[2]);
    node_chain middle(nodes[3]);
    middle.push(nodes[4]);
    list.insert_before(nodes[1], middle);
    list.erase(nodes[1]);
    CHECK(numbers_of(list) == std::vector<std::uint64_t>{0, 3, 4, 2});
    node_chain front(nodes[5]);
    list.insert_before(nodes[0], front);
    list.erase(nodes[0]);
    list.erase(nodes[2]);
    list.push_back(nodes[6]);
    CHECK(numbers_of(list) == std::vector<std::uint64_t>{5, 3, 4, 6});
    for (const int i : {4, 5, 6, 3}) list.erase(nodes[i]);
    CHECK(list.empty());
    list.push_back(nodes[1]);
    CHECK(numbers_of(list) == std::vector<std::uint64_t>{1});
}
