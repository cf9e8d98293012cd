// SPDX-License-Identifier: MIT
#pragma once

/// Threads that a test wants to be asleep before it wakes them.

#include "support/process_watch.hpp"

#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

namespace yoke_test {

/// The state that the system tells of a thread of this process: R, S (asleep), D ...
inline char state_of_thread(pid_t thread) {
    const std::string text = content_of("/proc/self/task/" + std::to_string(thread) + "/stat");
    const auto name_end = text.rfind(')');
    return name_end == std::string::npos || name_end + 2 >= text.size() ? '?' : text[name_end + 2];
}

/// Threads that run one call each.
class sleepers {
public:
    template <class Call>
    void add(Call call) {
        threads_.emplace_back([this, call = std::move(call)]() mutable {
            {
                const std::lock_guard lock(mutex_);
                ids_.push_back(::gettid());
            }
            call();
        });
    }
    /// Waits until all threads sleep in their calls; false if they do not for seconds.
    [[nodiscard]] bool all_asleep() {
        return eventually([this] {
            const std::lock_guard lock(mutex_);
            if (ids_.size() != threads_.size()) return false;
            for (const pid_t id : ids_) {
                if (state_of_thread(id) != 'S') return false;
            }
            return true;
        });
    }
    void join() {
        for (auto& thread : threads_) thread.join();
        threads_.clear();
        ids_.clear();
    }

private:
    std::mutex mutex_;
    std::vector<pid_t> ids_;
    std::vector<std::thread> threads_;
};

}  // namespace yoke_test
