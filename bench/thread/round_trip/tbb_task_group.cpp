// SPDX-License-Identifier: MIT
// oneTBB's task_group: the waiting thread takes part.
#include "../../pool/tbb_task_group.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    std::thread::id anywhere() {
        return pool_.within([] {
            std::thread::id result;
            tbb::task_group group;
            group.run([&result] { result = bench::thread_round_trip::task(); });
            group.wait();
            return result;
        });
    }

private:
    bench::tbb_group_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
