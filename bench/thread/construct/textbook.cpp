// SPDX-License-Identifier: MIT
// A queue of std::function behind a mutex, with std::packaged_task.
#include "../../textbook_pool.hpp"
#include "question.hpp"

#include <future>
#include <memory>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}
    std::thread::id run() {
        auto packaged =
            std::make_shared<std::packaged_task<std::thread::id()>>(bench::thread_construct::task);
        auto future = packaged->get_future();
        pool_.post([packaged = std::move(packaged)] { (*packaged)(); });
        return future.get();
    }

private:
    bench::textbook_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_construct::main<contender>(argc, argv); }
