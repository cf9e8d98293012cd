# SPDX-License-Identifier: MIT
"""yoke::thread_pool."""
import question

question.main("""
#include <yoke/executor/thread_pool.hpp>

int main() {
    yoke::thread_pool pool;
    return pool.submit([](int x) { return x + 1; }, -1).get();
}
""")
