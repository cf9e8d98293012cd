// SPDX-License-Identifier: MIT
// Boost.Asio's thread_pool.
#include "../../pool/asio.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_round_trip::main<bench::thread_round_trip::by_future<bench::asio_pool>>(argc, argv);
}
