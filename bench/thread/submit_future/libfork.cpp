// SPDX-License-Identifier: MIT
// libfork's lazy_pool.
#include "../../pool/libfork.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_submit_future::main<bench::thread_submit_future::by_future<bench::libfork_pool>>(
        argc, argv);
}
