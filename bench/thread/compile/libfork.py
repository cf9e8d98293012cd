# SPDX-License-Identifier: MIT
"""libfork's lazy_pool. It is compiled as C++23, as it wants to be."""
import question

question.main("""
#include <libfork/core.hpp>
#include <libfork/schedule.hpp>

constexpr auto task = [](auto) -> lf::task<int> { co_return -1 + 1; };

int main() {
    lf::lazy_pool pool;
    return lf::sync_wait(pool, task);
}
""", standard="c++23")
