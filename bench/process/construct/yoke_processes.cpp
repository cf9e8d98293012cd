// SPDX-License-Identifier: MIT
// yoke::process_pool.
#include "question.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned workers) : pool_(workers) {}
    std::uint64_t run(std::uint64_t i) {
        return pool_.submit([](std::uint64_t value) { return value + 1; }, i).get();
    }

private:
    yoke::process_pool pool_;
};

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    return bench::process_construct::main<contender>(argc, argv);
}
