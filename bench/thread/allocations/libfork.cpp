// SPDX-License-Identifier: MIT
// libfork's lazy_pool.
#include "../../pool/libfork.hpp"
#include "question.hpp"

namespace {

class contender : public bench::libfork_pool {
public:
    using bench::libfork_pool::libfork_pool;

    void fork_join(std::size_t calls) { lf::sync_wait(scheduler(), forks, calls); }

private:
    static constexpr auto counted = [](auto /*self*/) -> lf::task<void> {
        bench::counted_task();
        co_return;
    };
    static constexpr auto forks = [](auto /*self*/, std::size_t calls) -> lf::task<void> {
        for (std::size_t i = 0; i < calls; ++i) {
            co_await lf::fork(counted)();
            co_await lf::call(counted)();
            co_await lf::join;
        }
    };
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_allocations::main<contender>(argc, argv); }
