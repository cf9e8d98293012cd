# SPDX-License-Identifier: MIT
"""Not a pool but what the headers of the standard library cost that one needs."""
import question

question.main("""
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

int main() {}
""")
