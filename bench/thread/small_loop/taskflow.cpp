// SPDX-License-Identifier: MIT
// Taskflow's for_each_by_index, as a task of its own without a graph.
#include "question.hpp"

#include <taskflow/algorithm/for_each.hpp>
#include <taskflow/taskflow.hpp>

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        executor_
            .async(tf::make_for_each_by_index_task(tf::IndexRange<std::size_t>(0, size, 1),
                                                   [&f](const tf::IndexRange<std::size_t>& part) {
                                                       for (std::size_t i = part.begin(); i != part.end();
                                                            ++i)
                                                           f(i);
                                                   }))
            .wait();
    }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_small_loop::main<contender>(argc, argv); }
