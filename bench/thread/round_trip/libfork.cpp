// SPDX-License-Identifier: MIT
// libfork's lazy_pool.
#include "question.hpp"

#include <libfork/core.hpp>
#include <libfork/schedule.hpp>

namespace {

inline constexpr auto call = [](auto /*self*/) -> lf::task<std::thread::id> {
    co_return bench::thread_round_trip::task();
};

class contender {
public:
    std::thread::id run() { return lf::sync_wait(pool_, call); }

private:
    lf::lazy_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_round_trip::main<contender>(argc, argv); }
