// SPDX-License-Identifier: MIT
// yoke's pipeline on yoke::thread_pool.
#include "question.hpp"

#include <yoke/algorithm/pipeline.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <optional>

namespace {

using namespace bench::pipeline_in_order;

class contender {
public:
    item run(const stages& of) {
        checksum sink;
        yoke::from([next = item{0}, end = of.items]() mutable {
            return next == end ? std::nullopt : std::optional<item>(next++);
        }) | yoke::stage(pool_, [&of](item i) { return of.first(i); }) |
            yoke::stage(pool_, [&of](item i) { return of.second(i); }) |
            yoke::for_each_result([&sink](item i) { sink.take(i); }, {.items = in_flight});
        return sink.value();
    }

private:
    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::pipeline_in_order::main<contender>(argc, argv); }
