# SPDX-License-Identifier: MIT
"""oneTBB: a task_group, which has no results; the task writes its own."""
import question

question.main("""
#include <tbb/task_group.h>

int main() {
    int result = 1;
    tbb::task_group pool;
    pool.run([&result] { result = -1 + 1; });
    pool.wait();
    return result;
}
""")
