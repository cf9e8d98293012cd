// SPDX-License-Identifier: MIT
// libfork's lazy_pool.
#include "../../pool/libfork.hpp"
#include "question.hpp"

int main(int argc, char** argv) {
    return bench::thread_submit::main<bench::one_by_one<bench::libfork_pool>>(argc, argv);
}
