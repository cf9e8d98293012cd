// SPDX-License-Identifier: MIT
// A queue of std::function behind a mutex, 8 threads, a std::packaged_task a page.
#include "../../textbook_pool.hpp"
#include "question.hpp"

#include <future>

namespace {

using namespace bench::fetch_window;

class contender {
public:
    rows run(std::size_t pages) {
        std::vector<std::future<rows>> futures;
        for (std::size_t page = 0; page < pages; ++page) {
            auto packaged =
                std::make_shared<std::packaged_task<rows()>>([page] { return page_at(page * rows_a_page); });
            futures.push_back(packaged->get_future());
            pool_.post([packaged = std::move(packaged)] { (*packaged)(); });
        }
        std::vector<rows> fetched;
        for (auto& future : futures) fetched.push_back(future.get());
        return concatenated(fetched);
    }

private:
    bench::textbook_pool pool_{window};
};

}  // namespace

int main(int argc, char** argv) { return bench::fetch_window::main<contender>(argc, argv); }
