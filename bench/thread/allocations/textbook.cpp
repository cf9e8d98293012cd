// SPDX-License-Identifier: MIT
// A queue of std::function behind a mutex.
#include "../../pool/textbook.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_allocations::main<bench::textbook_future_pool>(argc, argv);
}
