// SPDX-License-Identifier: MIT
// yoke::fetch on yoke::thread_pool.
#include "yoke_source.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

using namespace bench::fetch_window;

class contender {
public:
    rows run(std::size_t pages) { return fetch_all(pool_, pages); }

private:
    yoke::thread_pool pool_{window};
};

}  // namespace

int main(int argc, char** argv) { return bench::fetch_window::main<contender>(argc, argv); }
