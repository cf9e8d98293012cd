# SPDX-License-Identifier: MIT
"""concurrencpp's thread_pool_executor, which is a compiled library."""
import question

question.main("""
#include <concurrencpp/concurrencpp.h>

int main() {
    concurrencpp::runtime runtime;
    return runtime.thread_pool_executor()->submit([] { return -1 + 1; }).get();
}
""")
