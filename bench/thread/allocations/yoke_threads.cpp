// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender : public yoke::thread_pool {
public:
    using yoke::thread_pool::thread_pool;

    template <class Pool = yoke::thread_pool>
        requires requires(Pool& pool) { pool.invoke(bench::counted_task, bench::counted_task); }
    void fork_join(std::size_t calls) {
        Pool& self = *this;
        self.submit([&self, calls] {
                for (std::size_t i = 0; i < calls; ++i) self.invoke(bench::counted_task, bench::counted_task);
            })
            .get();
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_allocations::main<contender>(argc, argv); }
