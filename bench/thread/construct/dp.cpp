// SPDX-License-Identifier: MIT
// dp::thread_pool.
#include "../../pool/dp.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_construct::main<bench::thread_construct::by_future<bench::dp_pool>>(argc, argv);
}
