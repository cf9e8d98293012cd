// SPDX-License-Identifier: MIT
// BS::thread_pool.
#include "../../pool/bs.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_construct::main<bench::thread_construct::by_future<bench::bs_pool>>(argc, argv);
}
