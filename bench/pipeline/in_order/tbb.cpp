// SPDX-License-Identifier: MIT
// oneTBB's parallel_pipeline, one item a token.
#include "question.hpp"

#include <tbb/parallel_pipeline.h>

namespace {

using namespace bench::pipeline_in_order;

class contender {
public:
    item run(const stages& of) {
        item next = 0;
        checksum sink;
        const auto source = [&](tbb::flow_control& control) -> item {
            if (next == of.items) control.stop();
            return next == of.items ? next : next++;
        };
        tbb::parallel_pipeline(in_flight,
                               tbb::make_filter<void, item>(tbb::filter_mode::serial_in_order, source) &
                                   tbb::make_filter<item, item>(tbb::filter_mode::parallel,
                                                                [&](item i) { return of.first(i); }) &
                                   tbb::make_filter<item, item>(tbb::filter_mode::parallel,
                                                                [&](item i) { return of.second(i); }) &
                                   tbb::make_filter<item, void>(tbb::filter_mode::serial_in_order,
                                                                [&](item i) { sink.take(i); }));
        return sink.value();
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::pipeline_in_order::main<contender>(argc, argv); }
