// SPDX-License-Identifier: MIT
// concurrencpp's bulk_post.
#include "../../pool/concurrencpp.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_bulk::main_of_tasks<bench::concurrencpp_pool>(argc, argv);
}
