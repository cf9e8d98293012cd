// SPDX-License-Identifier: MIT
#pragma once

/// What does it cost to search a tree of which nobody knows the shape, in time and memory?
///
/// After the unbalanced tree search benchmark (Olivier and others, 2006): the root has 2,000 children, any other node has 8
/// with a probability of 0.124, else none, as a hash of its place says; some 250,000 nodes in subtrees of very
/// different size. Every node is a piece of work of its own, forked or submitted by its parent. Timed: counting the nodes, per
/// node. `memory`: the most memory that the program has had by then. Checked: the count.

#include "../../harness.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace bench::thread_uts {

inline constexpr unit ns_per_node{"ns per node", 1e9};

struct node {
    std::uint64_t hash;
    int children;

    [[nodiscard]] node child(int number) const {
        std::uint64_t x = hash + static_cast<std::uint64_t>(number + 1) * 0x9e3779b97f4a7c15U;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
        x ^= x >> 31;
        return {x, x % 1000 < 124 ? 8 : 0};
    }
};

inline std::uint64_t count(const node& at) {
    std::uint64_t nodes = 1;
    for (int i = 0; i < at.children; ++i) nodes += count(at.child(i));
    return nodes;
}

/// `Contender` has `count(root)`.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const node root{42, static_cast<int>(here.scaled(2000))};
    const std::uint64_t expected = bench::thread_uts::count(root);
    here.add("thread/uts", ns_per_node, [=] {
        auto contender = std::make_shared<Contender>();
        return [=] {
            const auto start = clock::now();
            const std::uint64_t nodes = contender->count(root);
            const double seconds = seconds_since(start);
            require(nodes == expected, "a wrong count");
            return cost(seconds, static_cast<std::size_t>(nodes), ns_per_node);
        };
    });
    here.add_peak_memory("thread/uts/memory");
    return here.run();
}

}  // namespace bench::thread_uts
