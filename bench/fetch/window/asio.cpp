// SPDX-License-Identifier: MIT
// Boost.Asio: a thread_pool of 8, a future a page.
#include "question.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

namespace {

using namespace bench::fetch_window;

class contender {
public:
    rows run(std::size_t pages) {
        std::vector<std::future<rows>> futures;
        for (std::size_t page = 0; page < pages; ++page) {
            futures.push_back(boost::asio::post(
                pool_, boost::asio::use_future([page] { return page_at(page * rows_a_page); })));
        }
        std::vector<rows> fetched;
        for (auto& future : futures) fetched.push_back(future.get());
        return concatenated(fetched);
    }

private:
    boost::asio::thread_pool pool_{window};
};

}  // namespace

int main(int argc, char** argv) { return bench::fetch_window::main<contender>(argc, argv); }
