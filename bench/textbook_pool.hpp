// SPDX-License-Identifier: MIT
#pragma once

/// The thread pool of the textbooks: one std::queue of std::function, one mutex, two condition variables. A
/// peer that needs nothing installed.

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

class textbook_pool {
public:
    explicit textbook_pool(unsigned threads) {
        for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
    }
    textbook_pool(const textbook_pool&) = delete;
    textbook_pool& operator=(const textbook_pool&) = delete;
    ~textbook_pool() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        wake_.notify_all();
        for (auto& thread : threads_) thread.join();
    }

    void post(std::function<void()> task) {
        {
            const std::lock_guard lock(mutex_);
            tasks_.push(std::move(task));
            ++unfinished_;
        }
        wake_.notify_one();
    }

    void wait() {
        std::unique_lock lock(mutex_);
        idle_.wait(lock, [this] { return unfinished_ == 0; });
    }

private:
    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
            if (tasks_.empty()) return;
            const auto task = std::move(tasks_.front());
            tasks_.pop();
            lock.unlock();
            task();
            lock.lock();
            if (--unfinished_ == 0) idle_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable idle_;
    std::queue<std::function<void()>> tasks_;
    std::size_t unfinished_ = 0;
    bool closed_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace bench
