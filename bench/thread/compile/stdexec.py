# SPDX-License-Identifier: MIT
"""stdexec's static_thread_pool."""
import question

question.main("""
#include <exec/static_thread_pool.hpp>
#include <stdexec/execution.hpp>

int main() {
    exec::static_thread_pool pool;
    auto task = stdexec::schedule(pool.get_scheduler()) | stdexec::then([] { return -1 + 1; });
    return std::get<0>(*stdexec::sync_wait(std::move(task)));
}
""")
