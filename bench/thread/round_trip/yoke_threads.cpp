// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    std::thread::id on_a_worker() {
        auto future = pool_.submit(bench::thread_round_trip::task);
        static_cast<void>(
            future.wait_until(bench::clock::time_point::max()));  // which, unlike get(), never runs it here
        return future.get();
    }
    std::thread::id anywhere() { return pool_.submit(bench::thread_round_trip::task).get(); }

private:
    yoke::thread_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
