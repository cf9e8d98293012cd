// expect: local_executor
// SPDX-License-Identifier: MIT
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>

int main() {
#ifdef YOKE_FIXED
    yoke::thread_pool pool;
    yoke::task_group<yoke::thread_pool> group(pool);
#else
    yoke::process_pool pool;
    yoke::task_group<yoke::process_pool> group(pool);
#endif
    group.wait();
}
