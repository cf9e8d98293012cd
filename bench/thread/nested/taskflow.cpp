// SPDX-License-Identifier: MIT
// Taskflow's executor.
#include "../../pool/taskflow.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_nested::main<bench::thread_nested::by_future<bench::taskflow_pool>>(argc, argv);
}
