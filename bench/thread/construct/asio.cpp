// SPDX-License-Identifier: MIT
// Boost.Asio's thread_pool and its use_future.
#include "../../pool/asio.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_construct::main<bench::thread_construct::by_future<bench::asio_pool>>(argc, argv);
}
