# SPDX-License-Identifier: MIT
"""Taskflow: an Executor and its async."""
import question

question.main("""
#include <taskflow/taskflow.hpp>

int main() {
    tf::Executor pool;
    return pool.async([] { return -1 + 1; }).get();
}
""")
