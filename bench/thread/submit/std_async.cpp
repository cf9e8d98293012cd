// SPDX-License-Identifier: MIT
// std::async: a thread a task. At most 64 at a time, as a system does not have 100,000 threads.
#include "question.hpp"

#include <array>
#include <future>

namespace {

class contender {
public:
    explicit contender(unsigned /*threads*/) {}

    void run(std::size_t tasks) {
        std::array<std::future<void>, 64> running;
        for (std::size_t i = 0; i < tasks; ++i) {
            auto& place = running[i % running.size()];
            if (place.valid()) place.get();
            place = std::async(std::launch::async, bench::counted_task);
        }
        for (auto& task : running)
            if (task.valid()) task.get();
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_submit::main<contender>(argc, argv); }
