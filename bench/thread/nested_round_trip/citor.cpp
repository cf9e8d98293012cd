// SPDX-License-Identifier: MIT
// citor's forkJoin of two functions, of which one does nothing: it calls a single one at once.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t trips) {
        std::uint64_t sum = 0;
        pool_.forkJoin<citor::HintsDefaults>(
            [this, trips, &sum] {
                for (std::size_t i = 0; i < trips; ++i) {
                    std::uint64_t result = 0;
                    pool_.forkJoin<citor::HintsDefaults>(
                        [] {}, [i, &result] { result = bench::thread_nested_round_trip::task{i}(); });
                    sum += result;
                }
            },
            [] {});
        return sum;
    }

private:
    citor::ThreadPool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested_round_trip::main<contender>(argc, argv); }
