// SPDX-License-Identifier: MIT
// yoke::process_pool.
#include "question.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

namespace {

using bench::process_bandwidth::numbers;

/// Made once in each worker, so that making it is not what is timed.
const numbers& prepared(std::size_t count) {
    static numbers all;
    if (all.size() != count) all.assign(count, count);
    return all;
}

class contender {
public:
    std::uint64_t there(const numbers& sent) {
        return pool_.submit([](const numbers& all) { return all.front() + all.back(); }, sent).get();
    }
    std::uint64_t back(std::size_t count) {
        const numbers all = pool_.submit(prepared, count).get();
        return all.front() + all.back();
    }

private:
    yoke::process_pool pool_{1};
};

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    return bench::process_bandwidth::main<contender>(argc, argv);
}
