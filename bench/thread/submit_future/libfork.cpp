// SPDX-License-Identifier: MIT
// libfork's lazy_pool.
#include "question.hpp"

#include <libfork/core.hpp>
#include <libfork/schedule.hpp>

namespace {

inline constexpr auto call = [](auto /*self*/,
                                bench::thread_submit_future::task task) -> lf::task<std::uint64_t> {
    co_return task();
};

class contender {
public:
    std::uint64_t run(std::size_t tasks) {
        return bench::thread_submit_future::sum_of_results(
            tasks, [this](auto task) { return lf::schedule(pool_, call, task); });
    }

private:
    lf::lazy_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit_future::main<contender>(argc, argv); }
