// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}
    std::thread::id run() {
        auto id = pool_.submit(bench::thread_construct::task);
        static_cast<void>(id.wait_until(bench::clock::time_point::max()));  // get() might run the task here
        return id.get();
    }

private:
    yoke::thread_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_construct::main<contender>(argc, argv); }
