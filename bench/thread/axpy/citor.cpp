// SPDX-License-Identifier: MIT
// citor's parallelFor; the caller is one of the threads.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    void run(bench::thread_axpy::vectors v) {
        pool_.parallelFor<citor::HintsDefaults>(0, v.x.size(), [&v](std::size_t from, std::size_t to) {
            for (; from != to; ++from) v.y[from] += v.a * v.x[from];
        });
    }

private:
    citor::ThreadPool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
