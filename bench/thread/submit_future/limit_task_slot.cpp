// SPDX-License-Identifier: MIT
// A ring of task slots between two threads that spin, the results stored where the caller reads them.
#include "../../task_slots.hpp"
#include "question.hpp"

#include <numeric>

namespace {

class contender {
public:
    explicit contender(unsigned /*threads*/) {}

    std::uint64_t run(std::size_t tasks) {
        std::vector<std::uint64_t> results(tasks);
        slots_.run(tasks, [results = results.data()](std::size_t i) {
            results[i] = bench::thread_submit_future::task{i}();
        });
        return std::accumulate(results.begin(), results.end(), std::uint64_t{0});
    }

private:
    bench::task_slots slots_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit_future::main<contender>(argc, argv); }
