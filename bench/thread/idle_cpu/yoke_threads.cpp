// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    // wait_until() and not get(), which may run the task here.
    void work() {
        for (int i = 0; i < 1000; ++i)
            static_cast<void>(pool_.submit([] {}).wait_until(bench::clock::time_point::max()));
    }
    void wait_for(double seconds) {
        static_cast<void>(pool_.submit([seconds] { bench::thread_idle_cpu::sleep(seconds); })
                              .wait_until(bench::clock::time_point::max()));
    }

private:
    yoke::thread_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_idle_cpu::main<contender>(argc, argv); }
