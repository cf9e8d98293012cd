# SPDX-License-Identifier: MIT
"""Boost.Asio: a thread_pool, with a future for the result."""
import question

question.main("""
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

int main() {
    boost::asio::thread_pool pool;
    return boost::asio::post(pool, boost::asio::use_future([] { return -1 + 1; })).get();
}
""")
