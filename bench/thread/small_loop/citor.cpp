// SPDX-License-Identifier: MIT
// citor's parallelFor; the caller is one of the threads.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        pool_.parallelFor<citor::HintsDefaults>(0, size, [&f](std::size_t from, std::size_t to) {
            for (; from != to; ++from) f(from);
        });
    }

private:
    citor::ThreadPool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_small_loop::main<contender>(argc, argv); }
