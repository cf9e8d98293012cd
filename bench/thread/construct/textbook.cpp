// SPDX-License-Identifier: MIT
// A queue of std::function behind a mutex, with std::packaged_task.
#include "../../pool/textbook.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_construct::main<bench::thread_construct::by_future<bench::textbook_future_pool>>(
        argc, argv);
}
