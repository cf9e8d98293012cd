// SPDX-License-Identifier: MIT
// A queue of std::function behind a mutex.
#include "../../textbook_pool.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    void run(std::size_t tasks) {
        for (std::size_t i = 0; i < tasks; ++i) pool_.post(bench::thread_submit::task);
        pool_.wait();
    }

private:
    bench::textbook_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit::main<contender>(argc, argv); }
