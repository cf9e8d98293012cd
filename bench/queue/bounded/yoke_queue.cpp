// SPDX-License-Identifier: MIT
// yoke::bounded_queue, one item a call.
#include "question.hpp"

#include <yoke/queue/bounded_queue.hpp>

namespace {

using namespace bench::queue_bounded;

class contender {
public:
    void produce(item first, item step, item end) { push_each(queue_, first, step, end); }
    item consume(std::size_t count) {
        item sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += queue_.pop().value();
        return sum;
    }

private:
    yoke::bounded_queue<item> queue_{capacity};
};

}  // namespace

int main(int argc, char** argv) { return bench::queue_bounded::main<contender>(argc, argv); }
