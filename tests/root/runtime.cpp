// SPDX-License-Identifier: MIT
// labels: process
#include "catch.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

#include <thread>

// The runtime was made at the top of this program's main.

TEST_CASE("after a runtime a pool can be made while other threads run", "[process]") {
    yoke::future<int> out;
    std::thread other([&out] {
        yoke::process_pool pool(1);
        out = pool.submit([] { return 7; });
    });
    other.join();
    REQUIRE(out.get() == 7);
}

TEST_CASE("a second runtime uses the server of the first and leaves it running", "[process]") {
    const auto server = yoke::detail::process_host::instance().server_pid();
    REQUIRE(server != 0);
    yoke::process_pool pool(1);
    { const yoke::runtime another; }
    REQUIRE(yoke::detail::process_host::instance().server_pid() == server);
    REQUIRE(pool.submit([] { return 8; }).get() == 8);
}

TEST_CASE("workers see the program as it was at the runtime, not as it is later", "[process]") {
    static int changed_later = 1;
    changed_later = 2;
    yoke::process_pool pool(1);
    REQUIRE(pool.submit([] { return changed_later; }).get() == 1);
}
