// SPDX-License-Identifier: MIT
// yoke::process_pool.
#include "question.hpp"

#include <yoke/executor/process_pool.hpp>

#include <vector>

namespace {

std::atomic<unsigned>* counter = nullptr;

class contender {
public:
    contender(unsigned workers, std::atomic<unsigned>& busy) {
        counter = &busy;  // the workers are forked later, and have it
        pool_.emplace(workers);
        for (unsigned i = 0; i < workers; ++i)
            tasks_.push_back(pool_->submit([] {
                ++*counter;
                for (;;) pause();
            }));
    }

private:
    std::optional<yoke::process_pool> pool_;
    std::vector<yoke::future<void>> tasks_;
};

}  // namespace

int main(int argc, char** argv) { return bench::process_orphans::main<contender>(argc, argv); }
