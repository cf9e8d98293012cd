// SPDX-License-Identifier: MIT
// yoke::thread_pool's detach: its bulk makes no tasks.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class pool : public yoke::thread_pool {
public:
    using yoke::thread_pool::thread_pool;

    template <class F>
    void bulk(std::size_t count, F f) {
        for (std::size_t i = 0; i < count; ++i) detach(f, i);
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_bulk::main_of_tasks<pool>(argc, argv); }
