// SPDX-License-Identifier: MIT
// yoke::fetch on yoke::process_pool.
#include "yoke_source.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

namespace {

using namespace bench::fetch_window;

class contender {
public:
    rows run(std::size_t pages) { return fetch_all(pool_, pages); }

private:
    yoke::process_pool pool_{window};
};

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    return bench::fetch_window::main<contender>(argc, argv);
}
