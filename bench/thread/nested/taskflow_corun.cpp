// SPDX-License-Identifier: MIT
// Taskflow's corun_until, which runs other tasks while it waits.
#include "../../pool/taskflow.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : executor_(threads) {}

    std::uint64_t run(std::uint64_t levels, std::size_t times) {
        return executor_
            .async([this, levels, times] {
                std::uint64_t sum = 0;
                for (std::size_t i = 0; i < times; ++i) sum += nest(levels);
                return sum;
            })
            .get();
    }

private:
    std::uint64_t nest(std::uint64_t levels) {
        if (levels == 0) return 0;
        auto future = executor_.async([this, levels] { return nest(levels - 1); });
        executor_.corun_until(
            [&future] { return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
        return future.get() + 1;
    }

    tf::Executor executor_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested::main<contender>(argc, argv); }
