// SPDX-License-Identifier: MIT
// Boost.Asio's thread_pool and its use_future.
#include "question.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}
    std::thread::id run() {
        return boost::asio::post(pool_, boost::asio::use_future(bench::thread_construct::task)).get();
    }

private:
    boost::asio::thread_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_construct::main<contender>(argc, argv); }
