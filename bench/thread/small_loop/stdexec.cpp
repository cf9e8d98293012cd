// SPDX-License-Identifier: MIT
// stdexec's bulk on its static_thread_pool.
#include "../../pool/stdexec.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        stdexec::sync_wait(stdexec::schedule(pool_.scheduler()) | stdexec::bulk(stdexec::par, size, f));
    }

private:
    bench::stdexec_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_small_loop::main<contender>(argc, argv); }
