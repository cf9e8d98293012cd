// SPDX-License-Identifier: MIT
#include <yoke/observe/progress.hpp>

#include "catch.hpp"

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using Catch::Matchers::ContainsSubstring;

namespace {

using file = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

file temporary() { return {std::tmpfile(), std::fclose}; }

std::string contents(std::FILE* stream) {
    std::string text;
    std::rewind(stream);
    for (int c = std::fgetc(stream); c != EOF; c = std::fgetc(stream)) text += static_cast<char>(c);
    return text;
}

std::size_t count(const std::string& text, char c) {
    std::size_t n = 0;
    for (const char each : text) n += each == c;
    return n;
}

}  // namespace

TEST_CASE("nothing is written where there is no terminal") {
    const file out = temporary();
    {
        yoke::progress bar("pages", 10, {.stream = out.get()});
        CHECK_FALSE(bar.shown());
        bar.add(3);
        CHECK(bar.done() == 3);
        bar.finish();
    }
    CHECK(contents(out.get()).empty());
}

TEST_CASE("forced, it draws one line in place and ends it once") {
    const file out = temporary();
    {
        yoke::progress bar("pages", 4,
                           {.force = true, .stream = out.get(), .interval = std::chrono::seconds(0)});
        CHECK(bar.shown());
        for (int i = 0; i != 4; ++i) bar.add();
        bar.finish();
        bar.finish();
        bar.add();
    }
    const std::string text = contents(out.get());
    CHECK(count(text, '\n') == 1);
    CHECK(text.back() == '\n');
    CHECK(count(text, '\r') >= 2);
    CHECK_THAT(text, ContainsSubstring("\rpages [======>"));
    CHECK_THAT(text, ContainsSubstring("4/4  100 %"));
}

TEST_CASE("it draws no more often than its interval, but always the end") {
    const file out = temporary();
    {
        yoke::progress bar("pages", 1'000,
                           {.force = true, .stream = out.get(), .interval = std::chrono::hours(1)});
        for (int i = 0; i != 1'000; ++i) bar.add();
    }
    const std::string text = contents(out.get());
    CHECK(count(text, '\r') == 2);
    CHECK_THAT(text, ContainsSubstring("1000/1000"));
}

TEST_CASE("a line shows count, share, rate and what is left") {
    yoke::progress bar("reports", 22);
    CHECK(bar.line(1.0) == "reports [>                       ] 0/22  0 %  0.0/s  1.0 s");
    bar.set(11);
    CHECK(bar.line(2.0) == "reports [============>           ] 11/22  50 %  5.5/s  2.0 s left");
    bar.set(22);
    CHECK(bar.line(44.0) == "reports [========================] 22/22  100 %  0.5/s  44 s");
    bar.add(2);
    CHECK_THAT(bar.line(44.0), ContainsSubstring("24/22  100 %"));
}

TEST_CASE("without a total it shows count and rate, and a total may come later") {
    yoke::progress bar("rows");
    bar.add(500);
    CHECK(bar.line(2.0) == "rows  500  250/s  2.0 s");
    bar.set_total(1'000);
    CHECK(bar.total() == 1'000);
    CHECK_THAT(bar.line(2.0), ContainsSubstring("500/1000  50 %"));
}

TEST_CASE("a shorter line wipes out a longer one") {
    const file out = temporary();
    {
        yoke::progress bar("x", 0, {.force = true, .stream = out.get(), .interval = std::chrono::seconds(0)});
        bar.set(123'456'789);
        bar.set(1);
    }
    // Each drawing ends where the longest so far ended, or further right.
    const std::string text = contents(out.get());
    const auto second = text.find('\r', 1);
    REQUIRE(second != std::string::npos);
    const auto third = text.find('\r', second + 1);
    REQUIRE(third != std::string::npos);
    CHECK(third - second >= second);
}

TEST_CASE("many threads may count on one bar", "[concurrent]") {
    const file out = temporary();
    {
        yoke::progress bar("items", 4'000,
                           {.force = true, .stream = out.get(), .interval = std::chrono::seconds(0)});
        std::vector<std::jthread> threads;
        for (int t = 0; t != 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i != 1'000; ++i) bar.add();
            });
        threads.clear();
        CHECK(bar.done() == 4'000);
    }
    CHECK_THAT(contents(out.get()), ContainsSubstring("4000/4000"));
}
