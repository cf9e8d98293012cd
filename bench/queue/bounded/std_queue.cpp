// SPDX-License-Identifier: MIT
// std::queue, a mutex and two condition variables.
#include "../../textbook_queue.hpp"
#include "question.hpp"

namespace {

using namespace bench::queue_bounded;

class contender {
public:
    void produce(item first, item step, item end) { push_each(queue_, first, step, end); }
    item consume(std::size_t count) { return pop_each(queue_, count); }

private:
    bench::textbook_queue<item> queue_{capacity};
};

}  // namespace

int main(int argc, char** argv) { return bench::queue_bounded::main<contender>(argc, argv); }
