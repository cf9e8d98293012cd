// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: processes forked by the program itself, with a futex each way.
#include "../../futex.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    explicit contender(unsigned workers) {
        for (unsigned i = 0; i < workers; ++i) children_.push_back(std::make_unique<bench::futex_echo>());
    }
    std::uint64_t run(std::uint64_t i) { return children_.front()->run(i); }

private:
    std::vector<std::unique_ptr<bench::futex_echo>> children_;
};

}  // namespace

int main(int argc, char** argv) { return bench::process_construct::main<contender>(argc, argv); }
