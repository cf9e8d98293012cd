// SPDX-License-Identifier: MIT
// yoke::process_pool.
#include "question.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

#include <vector>

namespace {

std::uint64_t task(std::uint64_t i) { return i + 1; }

class contender {
public:
    std::uint64_t run(std::uint64_t count) {
        std::vector<yoke::future<std::uint64_t>> results;
        results.reserve(count);
        for (std::uint64_t i = 0; i < count; ++i) results.push_back(pool_.submit(task, i));
        std::uint64_t sum = 0;
        for (auto& result : results) sum += result.get();
        return sum;
    }

private:
    yoke::process_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    return bench::process_submit_collect::main<contender>(argc, argv);
}
