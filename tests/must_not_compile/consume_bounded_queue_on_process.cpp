// expect: yoke::consume: this queue lives in this process only
// SPDX-License-Identifier: MIT
// expect: use a yoke::shared_queue
#include <yoke/algorithm/consume.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/queue/bounded_queue.hpp>
#include <yoke/queue/shared_queue.hpp>

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    yoke::process_pool processes(1);
#ifdef YOKE_FIXED
    yoke::shared_queue<int> jobs(4);
#else
    yoke::bounded_queue<int> jobs(4);
#endif
    auto crew = yoke::consume(processes, 2, jobs, [](int) {});
    jobs.close();
    return static_cast<int>(crew.get());
}
