// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t tasks) {
        return bench::thread_submit_future::sum_of_results(tasks,
                                                           [this](auto task) { return pool_.submit(task); });
    }

private:
    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit_future::main<contender>(argc, argv); }
