// SPDX-License-Identifier: MIT
// Taskflow's inclusive_scan.
#include "question.hpp"

#include <taskflow/algorithm/scan.hpp>
#include <taskflow/taskflow.hpp>

#include <functional>

namespace {

class contender {
public:
    void run(const bench::thread_scan::numbers& from, bench::thread_scan::numbers& to) {
        tf::Taskflow flow;
        flow.inclusive_scan(from.begin(), from.end(), to.begin(), std::plus<>());
        executor_.run(flow).wait();
    }

private:
    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_scan::main<contender>(argc, argv); }
