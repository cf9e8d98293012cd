// SPDX-License-Identifier: MIT
// oneTBB's concurrent_bounded_queue.
#include "question.hpp"

#include <tbb/concurrent_queue.h>

namespace {

using namespace bench::queue_bounded;

class contender {
public:
    contender() { queue_.set_capacity(static_cast<std::ptrdiff_t>(capacity)); }
    void produce(item first, item step, item end) { push_each(queue_, first, step, end); }
    item consume(std::size_t count) {
        item sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            item next = 0;
            queue_.pop(next);
            sum += next;
        }
        return sum;
    }

private:
    tbb::concurrent_bounded_queue<item> queue_;
};

}  // namespace

int main(int argc, char** argv) { return bench::queue_bounded::main<contender>(argc, argv); }
