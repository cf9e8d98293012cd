# SPDX-License-Identifier: MIT
"""citor: a thread pool and its forkJoin, which has no results; the task writes its own."""
import question

question.main("""
#include <citor/thread_pool.h>

int main() {
    int result = 1;
    citor::ThreadPool pool(2);
    pool.forkJoin<citor::HintsDefaults>([&result] { result = -1 + 1; }, [] {});
    return result;
}
""")
