// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: an integer in shared memory, a futex each way.
#include "../../futex.hpp"
#include "question.hpp"

int main(int argc, char** argv) { return bench::process_round_trip::main<bench::futex_echo>(argc, argv); }
