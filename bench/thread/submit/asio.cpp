// SPDX-License-Identifier: MIT
// Boost.Asio's thread_pool. Its only way to wait for all tasks ends the pool, so the tally is waited for.
#include "question.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace {

class contender {
public:
    void run(std::size_t tasks) {
        const std::uint64_t before = bench::tally::total();
        for (std::size_t i = 0; i < tasks; ++i) boost::asio::post(pool_, bench::thread_submit::task);
        bench::tally::wait_for(before + tasks);
    }

private:
    boost::asio::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit::main<contender>(argc, argv); }
