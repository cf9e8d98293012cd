// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: one copy into warm shared memory and a futex each way.
#include "../../futex.hpp"
#include "question.hpp"

#include <algorithm>
#include <array>

namespace {

using bench::process_bandwidth::numbers;

class contender {
public:
    contender() = default;
    contender(const contender&) = delete;
    contender& operator=(const contender&) = delete;
    ~contender() { ask(what::leave, 0); }

    std::uint64_t there(const numbers& sent) {
        std::copy(sent.begin(), sent.end(), memory_->data.begin());
        ask(what::read, sent.size());
        return memory_->sum;
    }
    std::uint64_t back(std::size_t count) {
        ask(what::write, count);
        return memory_->data[0] + memory_->data[count - 1];
    }

private:
    enum class what : std::uint32_t { leave, read, write };

    struct shared_memory {
        bench::shared_futex requested;
        bench::shared_futex answered;
        what request = what::leave;
        std::size_t count = 0;
        std::uint64_t sum = 0;
        std::array<std::uint64_t, (std::size_t{64} << 20) / sizeof(std::uint64_t)> data;
    };

    void ask(what request, std::size_t count) {
        memory_->request = request;
        memory_->count = count;
        memory_->requested.store_and_wake(++number_);
        if (request != what::leave) memory_->answered.wait_while(number_ - 1);
    }
    void serve() {
        numbers own;
        for (std::uint32_t number = 1;; ++number) {
            memory_->requested.wait_while(number - 1);
            const std::size_t count = memory_->count;
            switch (memory_->request) {
            case what::leave: return;
            case what::read: memory_->sum = memory_->data[0] + memory_->data[count - 1]; break;
            case what::write:
                if (own.size() != count) own.assign(count, count);
                std::copy(own.begin(), own.end(), memory_->data.begin());
                break;
            }
            memory_->answered.store_and_wake(number);
        }
    }

    bench::shared<shared_memory> memory_;
    std::uint32_t number_ = 0;
    bench::child child_{[this] { serve(); }};
};

}  // namespace

int main(int argc, char** argv) { return bench::process_bandwidth::main<contender>(argc, argv); }
