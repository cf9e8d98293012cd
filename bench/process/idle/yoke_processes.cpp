// SPDX-License-Identifier: MIT
// yoke::process_pool.
#include "question.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

namespace {

std::uint64_t task(std::uint64_t i) { return i + 1; }

class contender {
public:
    std::uint64_t run(std::uint64_t i) { return pool_.submit(task, i).get(); }
    [[nodiscard]] std::vector<int> workers() const { return pool_.worker_pids(); }

private:
    yoke::process_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    return bench::process_idle::main<contender>(argc, argv);
}
