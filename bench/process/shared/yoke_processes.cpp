// SPDX-License-Identifier: MIT
// yoke::process_pool with yoke::shared_memory_resource.
#include "question.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/shared_memory_resource.hpp>
#include <yoke/runtime.hpp>

#include <memory_resource>
#include <vector>

namespace {

std::uint64_t task(yoke::shared_span<const std::uint64_t> all) { return all[0] + all[all.size() - 1]; }

class contender {
public:
    explicit contender(std::size_t count) : numbers_(count, count, &shared_) {}
    std::uint64_t run() { return pool_.submit(task, yoke::shared_span<const std::uint64_t>(numbers_)).get(); }

private:
    yoke::process_pool pool_{bench::workers()};
    yoke::shared_memory_resource shared_;
    std::pmr::vector<std::uint64_t> numbers_;
};

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    return bench::process_shared::main<contender>(argc, argv);
}
