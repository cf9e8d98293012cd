// SPDX-License-Identifier: MIT
// A queue of std::function behind a mutex, with std::packaged_task.
#include "../../textbook_pool.hpp"
#include "question.hpp"

#include <future>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t tasks) {
        return bench::thread_submit_future::sum_of_results(tasks, [this](auto task) {
            auto packaged = std::make_shared<std::packaged_task<std::uint64_t()>>(task);
            auto future = packaged->get_future();
            pool_.post([packaged = std::move(packaged)] { (*packaged)(); });
            return future;
        });
    }

private:
    bench::textbook_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit_future::main<contender>(argc, argv); }
