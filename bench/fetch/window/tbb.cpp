// SPDX-License-Identifier: MIT
// oneTBB: parallel_for in an arena of 8, one page a task.
#include "question.hpp"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

namespace {

using namespace bench::fetch_window;

class contender {
public:
    rows run(std::size_t pages) {
        std::vector<rows> fetched(pages);
        arena_.execute([&] {
            tbb::parallel_for(
                tbb::blocked_range<std::size_t>(0, pages, 1),
                [&](const auto& range) {
                    for (std::size_t page = range.begin(); page != range.end(); ++page)
                        fetched[page] = page_at(page * rows_a_page);
                },
                tbb::simple_partitioner());
        });
        return concatenated(fetched);
    }

private:
    tbb::global_control threads_{tbb::global_control::max_allowed_parallelism, window};
    tbb::task_arena arena_{static_cast<int>(window)};
};

}  // namespace

int main(int argc, char** argv) { return bench::fetch_window::main<contender>(argc, argv); }
