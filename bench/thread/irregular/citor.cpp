// SPDX-License-Identifier: MIT
// citor's parallelFor in parts of 16, which it gives out one by one; the caller is one of the threads.
#include "question.hpp"

#include <citor/thread_pool.h>

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        pool_.parallelFor<hints>(0, size, [&f](std::size_t from, std::size_t to) {
            for (; from != to; ++from) f(from);
        });
    }

private:
    struct hints : citor::DynamicHints {
        static constexpr std::size_t chunk = 16;
    };

    citor::ThreadPool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_irregular::main<contender>(argc, argv); }
