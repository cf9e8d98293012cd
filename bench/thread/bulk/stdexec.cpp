// SPDX-License-Identifier: MIT
// stdexec's bulk on its static_thread_pool.
#include "question.hpp"

#include "../../pool/stdexec.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}

    void run(std::size_t tasks) {
        stdexec::sync_wait(stdexec::schedule(pool_.scheduler()) |
                           stdexec::bulk(stdexec::par, tasks, bench::thread_bulk::indexed_task));
    }

private:
    bench::stdexec_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_bulk::main_of_groups<contender>(argc, argv); }
