// SPDX-License-Identifier: MIT
// By hand: 8 std::async threads that take the next page until there is none.
#include "question.hpp"

#include <atomic>
#include <future>

namespace {

using namespace bench::fetch_window;

class contender {
public:
    rows run(std::size_t pages) {
        std::vector<rows> fetched(pages);
        std::atomic<std::size_t> next{0};
        std::vector<std::future<void>> crew;
        for (std::size_t i = 0; i < window; ++i) {
            crew.push_back(std::async(std::launch::async, [&] {
                for (std::size_t page = next++; page < pages; page = next++)
                    fetched[page] = page_at(page * rows_a_page);
            }));
        }
        for (auto& worker : crew) worker.get();
        return concatenated(fetched);
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::fetch_window::main<contender>(argc, argv); }
