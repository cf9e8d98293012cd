// SPDX-License-Identifier: MIT
// Taskflow's executor; corun_until runs other tasks while it waits.
#include "question.hpp"

#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t trips) {
        return executor_
            .async([this, trips] {
                std::uint64_t sum = 0;
                for (std::size_t i = 0; i < trips; ++i) {
                    auto future = executor_.async(bench::thread_nested_round_trip::task{i});
                    executor_.corun_until([&future] {
                        return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
                    });
                    sum += future.get();
                }
                return sum;
            })
            .get();
    }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested_round_trip::main<contender>(argc, argv); }
