// SPDX-License-Identifier: MIT
// Taskflow's for_each_index, guided, as it is by default.
#include "question.hpp"

#include <taskflow/algorithm/for_each.hpp>
#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        tf::Taskflow flow;
        flow.for_each_index(std::size_t{0}, size, std::size_t{1}, f, tf::GuidedPartitioner());
        executor_.run(flow).wait();
    }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_irregular::main<contender>(argc, argv); }
