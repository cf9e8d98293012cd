// SPDX-License-Identifier: MIT
// dp::thread_pool.
#include "../../pool/dp.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_oversubscribed::main<bench::one_by_one<bench::dp_pool>>(argc, argv);
}
