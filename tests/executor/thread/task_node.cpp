// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "support/nodes.hpp"

#include <array>
#include <utility>

using yoke::detail::task_list;
using yoke_test::node;

TEST_CASE("a task list gives nodes out in the order in which they came") {
    std::array<node, 3> nodes;
    task_list list;
    REQUIRE(list.empty());
    REQUIRE(list.pop() == nullptr);
    for (auto& n : nodes) list.push(n);
    REQUIRE(list.size() == 3);
    for (auto& n : nodes) REQUIRE(list.pop() == &n);
    REQUIRE(list.pop() == nullptr);
    list.push(nodes[1]);
    REQUIRE(list.pop() == &nodes[1]);
}

TEST_CASE("a task list takes over another one behind its own nodes") {
    std::array<node, 4> nodes;
    task_list list;
    task_list other;
    list.append(std::move(other));
    REQUIRE(list.empty());
    list.push(nodes[0]);
    other.push(nodes[1]);
    other.push(nodes[2]);
    list.append(std::move(other));
    list.push(nodes[3]);
    REQUIRE(list.size() == 4);
    for (auto& n : nodes) REQUIRE(list.pop() == &n);
}

TEST_CASE("a task list can be turned round") {
    std::array<node, 3> nodes;
    task_list list;
    list.reverse();
    REQUIRE(list.empty());
    for (auto& n : nodes) list.push(n);
    list.reverse();
    list.push(nodes[0]);  // its tail is in place too
    REQUIRE(list.pop() == &nodes[2]);
}

TEST_CASE("the tail of a list that was turned round is its former head") {
    std::array<node, 3> nodes;
    task_list list;
    list.push(nodes[0]);
    list.push(nodes[1]);
    list.reverse();
    list.push(nodes[2]);
    REQUIRE(list.pop() == &nodes[1]);
    REQUIRE(list.pop() == &nodes[0]);
    REQUIRE(list.pop() == &nodes[2]);
    REQUIRE(list.pop() == nullptr);
}

TEST_CASE("overtaken nodes are taken out of a list, and both parts keep their order") {
    std::array<node, 6> nodes;
    task_list list;
    for (std::size_t i = 0; i != nodes.size(); ++i) {
        nodes[i].shell = i % 2 == 1;
        list.push(nodes[i]);
    }
    task_list shells = list.remove_overtaken();
    REQUIRE(list.size() == 3);
    REQUIRE(shells.size() == 3);
    for (const std::size_t i : {0u, 2u, 4u}) REQUIRE(list.pop() == &nodes[i]);
    shells.stop_all();
    for (const std::size_t i : {1u, 3u, 5u}) REQUIRE(nodes[i].stops == 1);
    REQUIRE(shells.empty());
}
