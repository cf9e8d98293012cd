// SPDX-License-Identifier: MIT
// yoke::bounded_queue, up to 64 items a call.
#include "question.hpp"

#include <yoke/queue/bounded_queue.hpp>

#include <algorithm>

namespace {

using namespace bench::queue_bounded;

class contender {
public:
    void produce(item first, item step, item end) {
        std::vector<item> batch;
        for (item i = first; i < end; i += step) {
            batch.push_back(i);
            if (batch.size() == most) flush(batch);
        }
        flush(batch);
    }
    item consume(std::size_t count) {
        std::vector<item> batch;
        item sum = 0;
        while (count != 0) {
            count -= queue_.pop_some(batch, std::min(count, most));
            sum = std::accumulate(batch.begin(), batch.end(), sum);
            batch.clear();
        }
        return sum;
    }

private:
    static constexpr std::size_t most = 64;

    void flush(std::vector<item>& batch) {
        static_cast<void>(queue_.push_all(batch));
        batch.clear();
    }

    yoke::bounded_queue<item> queue_{capacity};
};

}  // namespace

int main(int argc, char** argv) { return bench::queue_bounded::main<contender>(argc, argv); }
