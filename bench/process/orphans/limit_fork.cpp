// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: children that the kernel kills with their parent.
#include "question.hpp"

#include <memory>
#include <vector>

namespace {

class contender {
public:
    contender(unsigned workers, std::atomic<unsigned>& busy) {
        for (unsigned i = 0; i < workers; ++i)
            children_.push_back(std::make_unique<bench::child>([&busy] {
                ++busy;
                for (;;) pause();
            }));
    }

private:
    std::vector<std::unique_ptr<bench::child>> children_;
};

}  // namespace

int main(int argc, char** argv) { return bench::process_orphans::main<contender>(argc, argv); }
