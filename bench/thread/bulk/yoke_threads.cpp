// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class pool : public yoke::thread_pool {
public:
    using yoke::thread_pool::thread_pool;

    template <class F, class Pool = yoke::thread_pool>
    void bulk(std::size_t count, F f) {
        Pool& self = *this;
        if constexpr (requires { self.bulk(count, f); }) {
            self.bulk(count, f);
        } else {
            for (std::size_t i = 0; i < count; ++i) self.detach(f, i);
        }
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_bulk::main_of_tasks<pool>(argc, argv); }
