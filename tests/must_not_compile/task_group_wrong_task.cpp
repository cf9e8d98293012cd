// expect: yoke::task_group: a task is called without arguments
// SPDX-License-Identifier: MIT
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>

int main() {
    yoke::thread_pool pool;
    yoke::task_group group(pool);
    int sum = 0;
#ifdef YOKE_FIXED
    group.run([&sum] { sum += 1; });
#else
    group.run([&sum](int x) { sum += x; });
#endif
    group.wait();
}
