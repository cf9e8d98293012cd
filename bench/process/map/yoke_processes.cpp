// SPDX-License-Identifier: MIT
// yoke::map on a yoke::process_pool.
#include "question.hpp"

#include <yoke/algorithm/map.hpp>
#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

namespace {

class contender {
public:
    bench::process_map::items map(const bench::process_map::items& input, std::size_t chunk) {
        return yoke::map(pool_, input, [](std::uint64_t i) { return i + 1; }, {.chunk = chunk});
    }

private:
    yoke::process_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    return bench::process_map::main<contender>(argc, argv);
}
