// SPDX-License-Identifier: MIT
// Taskflow's for_each_by_index, as in its own benchmark.
#include "question.hpp"

#include <taskflow/algorithm/for_each.hpp>
#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    void run(bench::thread_axpy::vectors v) {
        tf::Taskflow flow;
        flow.for_each_by_index(tf::IndexRange<std::size_t>(0, v.x.size(), 1),
                               [&v](const tf::IndexRange<std::size_t>& part) {
                                   for (std::size_t i = part.begin(); i != part.end(); ++i)
                                       v.y[i] += v.a * v.x[i];
                               });
        executor_.run(flow).wait();
    }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
