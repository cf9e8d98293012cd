// SPDX-License-Identifier: MIT
// BS::thread_pool's detach_sequence.
#include "../../pool/bs.hpp"
#include "question.hpp"

int main(int argc, char** argv) { return bench::thread_bulk::main_of_tasks<bench::bs_pool>(argc, argv); }
