// SPDX-License-Identifier: MIT
// std::async: starts a thread a task.
#include "../../pool/std_async.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_nested::main<bench::thread_nested::by_future<bench::std_async_pool>>(argc, argv);
}
