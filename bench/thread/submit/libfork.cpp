// SPDX-License-Identifier: MIT
// libfork's lazy_pool. It cannot wait for detached tasks, so the tally is waited for.
#include "question.hpp"

#include <libfork/core.hpp>
#include <libfork/schedule.hpp>

namespace {

inline constexpr auto counted = [](auto /*self*/) -> lf::task<void> {
    bench::thread_submit::task();
    co_return;
};

class contender {
public:
    void run(std::size_t tasks) {
        const std::uint64_t before = bench::tally::total();
        for (std::size_t i = 0; i < tasks; ++i) lf::detach(pool_, counted);
        bench::tally::wait_for(before + tasks);
    }

private:
    lf::lazy_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit::main<contender>(argc, argv); }
