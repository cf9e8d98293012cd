// SPDX-License-Identifier: MIT
// stdexec's bulk_chunked on its static_thread_pool.
#include "../../pool/stdexec.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    void run(bench::thread_axpy::vectors v) {
        stdexec::sync_wait(
            stdexec::schedule(pool_.scheduler()) |
            stdexec::bulk_chunked(stdexec::par, v.x.size(), [&v](std::size_t from, std::size_t to) {
                for (; from != to; ++from) v.y[from] += v.a * v.x[from];
            }));
    }

private:
    bench::stdexec_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
