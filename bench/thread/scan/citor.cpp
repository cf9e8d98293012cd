// SPDX-License-Identifier: MIT
// citor's inclusiveScan; the caller is one of the threads.
#include "question.hpp"

#include <citor/thread_pool.h>

#include <functional>
#include <span>

namespace {

class contender {
public:
    void run(const bench::thread_scan::numbers& from, bench::thread_scan::numbers& to) {
        benchmark::DoNotOptimize(pool_.inclusiveScan<citor::HintsDefaults>(std::span(from), std::span(to),
                                                                           std::uint64_t{0}, std::plus<>()));
    }

private:
    citor::ThreadPool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_scan::main<contender>(argc, argv); }
