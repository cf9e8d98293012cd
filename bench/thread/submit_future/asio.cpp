// SPDX-License-Identifier: MIT
// Boost.Asio's thread_pool and its use_future.
#include "question.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t tasks) {
        return bench::thread_submit_future::sum_of_results(
            tasks, [this](auto task) { return boost::asio::post(pool_, boost::asio::use_future(task)); });
    }

private:
    boost::asio::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit_future::main<contender>(argc, argv); }
