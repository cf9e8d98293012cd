// SPDX-License-Identifier: MIT
#pragma once

/// The raw futex, shared between processes: the least it takes here to sleep and to be woken.

#include "child.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <system_error>

namespace bench {

class shared_futex {
public:
    [[nodiscard]] std::uint32_t load() const { return word_.load(std::memory_order_acquire); }

    /// Stores and wakes one sleeper.
    void store_and_wake(std::uint32_t value) {
        word_.store(value, std::memory_order_release);
        call(FUTEX_WAKE, 1);
    }
    /// Sleeps until the word is no longer `value`, and returns what it is then.
    std::uint32_t wait_while(std::uint32_t value) {
        for (;;) {
            const std::uint32_t now = load();
            if (now != value) return now;
            call(FUTEX_WAIT, value);
        }
    }

private:
    void call(int operation, std::uint32_t value) {
        syscall(SYS_futex, &word_, operation, value, nullptr, nullptr, 0);
    }

    alignas(64) std::atomic<std::uint32_t> word_{0};
};

/// Makes a T in memory that children forked later share.
template <class T>
class shared {
public:
    shared() {
        void* const memory =
            mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
        object_ = new (memory) T;
    }
    shared(const shared&) = delete;
    shared& operator=(const shared&) = delete;
    ~shared() {
        std::destroy_at(object_);
        munmap(object_, sizeof(T));
    }
    T* operator->() const { return object_; }

private:
    T* object_;
};

/// A process that answers each request: with i + 1, if the request is i.
class futex_echo {
public:
    futex_echo() = default;
    futex_echo(const futex_echo&) = delete;
    futex_echo& operator=(const futex_echo&) = delete;
    ~futex_echo() { send(end); }

    std::uint64_t run(std::uint64_t i) {
        send(i);
        memory_->answered.wait_while(number_ - 1);
        return memory_->value;
    }
    [[nodiscard]] pid_t pid() const { return child_.pid(); }

private:
    static constexpr std::uint64_t end = std::numeric_limits<std::uint64_t>::max();

    struct shared_memory {
        shared_futex requested;  // the number of the latest request
        shared_futex answered;   // the number of the latest answer
        std::uint64_t value = 0;
    };

    void send(std::uint64_t i) {
        memory_->value = i;
        memory_->requested.store_and_wake(++number_);
    }
    void serve() {
        for (std::uint32_t number = 1;; ++number) {
            memory_->requested.wait_while(number - 1);
            if (memory_->value == end) return;
            ++memory_->value;
            memory_->answered.store_and_wake(number);
        }
    }

    shared<shared_memory> memory_;
    std::uint32_t number_ = 0;
    child child_{[this] { serve(); }};
};

}  // namespace bench
