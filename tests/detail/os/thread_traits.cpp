// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/os/cpu_count.hpp>
#include <yoke/detail/os/thread_traits.hpp>

#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
TEST_CASE("a thread's name keeps its number when it is cut") {
    std::string shown;
    std::thread([&shown] {
        yoke::detail::name_this_thread("an-immoderately-long-name", 123);
        char text[16] = {};
        ::pthread_getname_np(::pthread_self(), text, sizeof text);
        shown = text;
    }).join();
    REQUIRE(shown == "an-immodera-123");
}

TEST_CASE("a pinned thread may run on its processor only, and the others are as before") {
    const auto all = yoke::detail::allowed_processors();
    REQUIRE(all.size() == yoke::detail::cpu_affinity());
    for (const unsigned processor : all) {
        std::vector<unsigned> now;
        std::thread([&] {
            if (yoke::detail::pin_this_thread(processor)) now = yoke::detail::allowed_processors();
        }).join();
        REQUIRE(now == std::vector<unsigned>{processor});
    }
    REQUIRE(yoke::detail::allowed_processors() == all);
    bool pinned = true;
    std::thread([&pinned] { pinned = yoke::detail::pin_this_thread(999'999); }).join();
    REQUIRE_FALSE(pinned);
}
#endif
