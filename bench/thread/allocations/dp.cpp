// SPDX-License-Identifier: MIT
// dp::thread_pool.
#include "../../pool/dp.hpp"
#include "question.hpp"

int main(int argc, char** argv) { return bench::thread_allocations::main<bench::dp_pool>(argc, argv); }
