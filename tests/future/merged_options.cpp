// SPDX-License-Identifier: MIT
#include <yoke/future/merged_options.hpp>

#include "catch.hpp"

#include <chrono>
#include <stop_token>

using namespace std::chrono_literals;
using yoke::detail::merged_options;

TEST_CASE("of options that are merged each field is the nearer one's, unless that is at its default") {
    const yoke::task_options defaults;
    const yoke::task_options view{
        .timeout = 1s, .attempts = 2, .priority = 3, .grace = 4s, .queue_timeout = 5s};
    const yoke::task_options own{
        .timeout = 10s, .attempts = 20, .priority = 30, .grace = 40s, .queue_timeout = 50s};
    const auto same = [](const yoke::task_options& a, const yoke::task_options& b) {
        return a.timeout == b.timeout && a.attempts == b.attempts && a.priority == b.priority &&
               a.grace == b.grace && a.queue_timeout == b.queue_timeout;
    };
    CHECK(same(merged_options(view).with(own).values(), own));
    CHECK(same(merged_options(view).with(defaults).values(), view));
    CHECK(same(merged_options(defaults).with(own).values(), own));
    const auto some = merged_options(view).with({.attempts = 7}).values();
    CHECK(some.attempts == 7);
    CHECK(some.timeout == view.timeout);
    CHECK(some.priority == view.priority);
}

TEST_CASE("a stop token that is alone is taken as it is, of two each stops the task, also of three") {
    const std::stop_source one;
    CHECK(merged_options({.stop = one.get_token()}).with({}).values().stop == one.get_token());
    CHECK(merged_options(yoke::task_options{}).with({.stop = one.get_token()}).values().stop ==
          one.get_token());
    CHECK_FALSE(merged_options({.stop = one.get_token()}).with({.stop = one.get_token()}).joined());
    for (const int asked : {0, 1, 2}) {
        std::stop_source sources[3];
        const merged_options all = merged_options({.stop = sources[0].get_token()})
                                       .with({.stop = sources[1].get_token()})
                                       .with({.stop = sources[2].get_token()});
        CHECK_FALSE(all.values().stop.stop_requested());
        sources[asked].request_stop();
        CHECK(all.values().stop.stop_requested());
    }
}

TEST_CASE("a token that outlives many tasks does not collect what was made to follow it") {
    std::stop_source lasting;
    std::stop_token kept;
    {
        std::stop_source brief;
        merged_options task = merged_options({.stop = lasting.get_token()}).with({.stop = brief.get_token()});
        kept = task.values().stop;
        task.let_go_of_stop();  // the last owner
    }
    lasting.request_stop();
    CHECK_FALSE(kept.stop_requested());
}
