// SPDX-License-Identifier: MIT
// Taskflow's Pipeline: its lines are the items in flight, and each holds one.
#include "question.hpp"

#include <taskflow/algorithm/pipeline.hpp>
#include <taskflow/taskflow.hpp>

#include <vector>

namespace {

using namespace bench::pipeline_in_order;

class contender {
public:
    item run(const stages& of) {
        std::vector<item> held(lines);
        checksum sink;
        tf::Pipeline pipeline(
            lines,
            tf::Pipe{tf::PipeType::SERIAL,
                     [&](tf::Pipeflow& flow) {
                         if (flow.token() == of.items) return flow.stop();
                         held[flow.line()] = flow.token();
                     }},
            tf::Pipe{tf::PipeType::PARALLEL,
                     [&](tf::Pipeflow& flow) { held[flow.line()] = of.first(held[flow.line()]); }},
            tf::Pipe{tf::PipeType::PARALLEL,
                     [&](tf::Pipeflow& flow) { held[flow.line()] = of.second(held[flow.line()]); }},
            tf::Pipe{tf::PipeType::SERIAL, [&](tf::Pipeflow& flow) { sink.take(held[flow.line()]); }});
        tf::Taskflow graph;
        graph.composed_of(pipeline);
        executor_.run(graph).wait();
        return sink.value();
    }

private:
    static constexpr std::size_t lines = 64;  // more lines only cost it time

    tf::Executor executor_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::pipeline_in_order::main<contender>(argc, argv); }
