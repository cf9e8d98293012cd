// SPDX-License-Identifier: MIT
// oneTBB's task_group: the waiting thread takes part.
#include "../../pool/tbb_task_group.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_oversubscribed::main<bench::tbb_group_pool>(argc, argv);
}
