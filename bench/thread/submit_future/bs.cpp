// SPDX-License-Identifier: MIT
// BS::thread_pool.
#include "question.hpp"

#include <BS_thread_pool.hpp>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t tasks) {
        return bench::thread_submit_future::sum_of_results(
            tasks, [this](auto task) { return pool_.submit_task(task); });
    }

private:
    BS::light_thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit_future::main<contender>(argc, argv); }
