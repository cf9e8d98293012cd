// SPDX-License-Identifier: MIT
// Taskflow's executor.
#include "../../pool/taskflow.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_construct::main<bench::thread_construct::by_future<bench::taskflow_pool>>(argc,
                                                                                                   argv);
}
