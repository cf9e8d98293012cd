# SPDX-License-Identifier: MIT
"""dp::thread_pool."""
import question

question.main("""
#include <thread_pool/thread_pool.h>

int main() {
    dp::thread_pool<> pool;
    return pool.enqueue([] { return -1 + 1; }).get();
}
""")
