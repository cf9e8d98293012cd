// SPDX-License-Identifier: MIT
// BS::thread_pool.
#include "../../pool/bs.hpp"
#include "question.hpp"

int main(int argc, char** argv) { return bench::thread_allocations::main<bench::bs_pool>(argc, argv); }
