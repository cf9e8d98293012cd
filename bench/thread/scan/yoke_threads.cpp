// SPDX-License-Identifier: MIT
// yoke::inclusive_scan.
#include "question.hpp"

#include <yoke/algorithm/scan.hpp>
#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    void run(const bench::thread_scan::numbers& from, bench::thread_scan::numbers& to) {
        yoke::inclusive_scan(pool_, from, to.begin());
    }

private:
    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_scan::main<contender>(argc, argv); }
