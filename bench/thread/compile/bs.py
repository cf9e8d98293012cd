# SPDX-License-Identifier: MIT
"""BS::thread_pool."""
import question

question.main("""
#include <BS_thread_pool.hpp>

int main() {
    BS::thread_pool pool;
    return pool.submit_task([] { return -1 + 1; }).get();
}
""")
