// SPDX-License-Identifier: MIT
#pragma once

/// Task nodes for the tests of queues: they run nothing and count what is done to them.

#include <yoke/executor/thread/priority_queue.hpp>
#include <yoke/executor/thread/task_node.hpp>

#include <atomic>

namespace yoke_test {

template <class Base>
class counting_node final : public Base {
public:
    void run() noexcept override { ++runs; }
    void stop() noexcept override { ++stops; }
    [[nodiscard]] bool overtaken() const noexcept override { return shell; }

    std::atomic<int> runs{0};
    std::atomic<int> stops{0};
    std::atomic<bool> shell{false};
};

using node = counting_node<yoke::detail::task_node>;
using prioritized_node = counting_node<yoke::detail::prioritized_node>;

}  // namespace yoke_test
