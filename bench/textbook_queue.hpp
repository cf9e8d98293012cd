// SPDX-License-Identifier: MIT
#pragma once

/// The bounded queue of the textbooks: std::queue, one mutex, two condition variables. A peer that needs
/// nothing installed.

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <queue>
#include <utility>

namespace bench {

template <class T>
class textbook_queue {
public:
    explicit textbook_queue(std::size_t capacity) : capacity_(capacity) {}

    void push(T item) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [this] { return items_.size() < capacity_; });
        items_.push(std::move(item));
        lock.unlock();
        filled_.notify_one();
    }
    T pop() {
        std::unique_lock lock(mutex_);
        filled_.wait(lock, [this] { return !items_.empty(); });
        T item = std::move(items_.front());
        items_.pop();
        lock.unlock();
        room_.notify_one();
        return item;
    }

private:
    const std::size_t capacity_;
    std::mutex mutex_;
    std::condition_variable filled_;
    std::condition_variable room_;
    std::queue<T> items_;
};

}  // namespace bench
