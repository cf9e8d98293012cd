// SPDX-License-Identifier: MIT
// Boost.Thread's sync_bounded_queue.
#include "question.hpp"

#include <boost/thread/concurrent_queues/sync_bounded_queue.hpp>

namespace {

using namespace bench::queue_bounded;

class contender {
public:
    void produce(item first, item step, item end) {
        for (item i = first; i < end; i += step) queue_.push_back(i);
    }
    item consume(std::size_t count) {
        item sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += queue_.pull_front();
        return sum;
    }

private:
    boost::concurrent::sync_bounded_queue<item> queue_{capacity};
};

}  // namespace

int main(int argc, char** argv) { return bench::queue_bounded::main<contender>(argc, argv); }
