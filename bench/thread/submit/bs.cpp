// SPDX-License-Identifier: MIT
// BS::thread_pool.
#include "question.hpp"

#include <BS_thread_pool.hpp>

namespace {

class contender {
public:
    void run(std::size_t tasks) {
        for (std::size_t i = 0; i < tasks; ++i) pool_.detach_task(bench::thread_submit::task);
        pool_.wait();
    }

private:
    BS::light_thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit::main<contender>(argc, argv); }
