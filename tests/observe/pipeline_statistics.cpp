// SPDX-License-Identifier: MIT
#include <yoke/observe/pipeline_statistics.hpp>

#include "catch.hpp"

#include <string>

using Catch::Matchers::ContainsSubstring;

namespace {

yoke::pipeline_statistics example() {
    yoke::pipeline_statistics run;
    run.stages.resize(3);
    run.stages[0].number = 1;
    run.stages[0].name = "collect";
    run.stages[0].limit = 1;
    run.stages[0].busy = 4.5;
    run.stages[1].number = 2;
    run.stages[1].limit = 2;
    run.stages[1].busy = 8.0;
    run.stages[2].number = 3;
    run.stages[2].name = "report";
    run.stages[2].limit = 4;
    run.stages[2].busy = 20.0;
    run.stages[2].items_in = 9;
    run.items_in = 3;
    run.items_out = 9;
    return run;
}

}  // namespace

TEST_CASE("the bottleneck is the stage with the most busy time per call that may run at once") {
    auto run = example();
    REQUIRE(run.bottleneck() != nullptr);
    CHECK(run.bottleneck()->number == 3);
    run.stages[2].limit = 5;
    CHECK(run.bottleneck()->number == 1);
    run.stages.clear();
    CHECK(run.bottleneck() == nullptr);
}

TEST_CASE("a stage is called by its number and its name, if it has one") {
    const auto run = example();
    CHECK(run.stages[0].label() == "stage 1 (collect)");
    CHECK(run.stages[1].label() == "stage 2");
}

TEST_CASE("the statistics read as a table that names the bottleneck") {
    const std::string table = yoke::to_string(example());
    CHECK_THAT(table, ContainsSubstring("1 collect "));
    CHECK_THAT(table, ContainsSubstring("20.000"));
    CHECK_THAT(table, ContainsSubstring("3 items in, 9 out, 0 errors"));
    CHECK_THAT(table, ContainsSubstring("bottleneck: stage 3 (report)\n"));
    // A line for the heads, each stage, the sum and the bottleneck, the first four equally long.
    std::vector<std::size_t> lengths;
    for (std::size_t at = 0; at < table.size(); at = table.find('\n', at) + 1)
        lengths.push_back(table.find('\n', at) - at);
    REQUIRE(lengths.size() == 6);
    CHECK(lengths[1] == lengths[0]);
    CHECK(lengths[2] == lengths[0]);
    CHECK(lengths[3] == lengths[0]);
    CHECK_THAT(yoke::to_string(yoke::pipeline_statistics{}), ContainsSubstring("0 items in"));
}
