// SPDX-License-Identifier: MIT
#pragma once

/// A thread's name, and the processors that it may run on.

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__linux__)
#include <cerrno>
#include <pthread.h>
#include <sched.h>
#endif

namespace yoke::detail {

/// Names the calling thread "name-index" for debuggers and `top`. Linux shows 15 bytes; the name is cut to
/// fit.
inline void name_this_thread(const std::string& name, std::size_t index) noexcept {
#if defined(__linux__)
    char number[8];
    const int digits = std::snprintf(number, sizeof number, "-%zu", index % 100000);
    char shown[16] = {};
    const std::size_t kept = name.copy(shown, sizeof shown - 1 - static_cast<std::size_t>(digits));
    std::memcpy(shown + kept, number, static_cast<std::size_t>(digits));
    ::pthread_setname_np(::pthread_self(), shown);
#else
    static_cast<void>(name);
    static_cast<void>(index);
#endif
}

#if defined(__linux__)

/// A set of processors of any size.
class processor_set {
public:
    /// An empty set with room for the numbers below `room`.
    explicit processor_set(std::size_t room) : words_((room + CPU_SETSIZE - 1) / CPU_SETSIZE) {
        for (cpu_set_t& word : words_) CPU_ZERO(&word);
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return words_.size() * sizeof(cpu_set_t); }
    [[nodiscard]] std::size_t room() const noexcept { return words_.size() * CPU_SETSIZE; }
    [[nodiscard]] cpu_set_t* get() noexcept { return words_.data(); }
    void add(std::size_t processor) noexcept { CPU_SET_S(processor, bytes(), get()); }
    [[nodiscard]] bool has(std::size_t processor) noexcept {
        return processor < room() && CPU_ISSET_S(processor, bytes(), get());
    }

private:
    std::vector<cpu_set_t> words_;
};

#endif

/// The numbers of the processors that this thread may run on, in order; empty if the system does not tell.
inline std::vector<unsigned> allowed_processors() {
    std::vector<unsigned> allowed;
#if defined(__linux__)
    for (std::size_t room = CPU_SETSIZE; room <= std::size_t{1} << 20; room *= 2) {
        processor_set set(room);
        if (::sched_getaffinity(0, set.bytes(), set.get()) == 0) {
            for (std::size_t i = 0; i != set.room(); ++i) {
                if (set.has(i)) allowed.push_back(static_cast<unsigned>(i));
            }
            break;
        }
        if (errno != EINVAL) break;  // EINVAL: this machine has more processors than the set has bits
    }
#endif
    return allowed;
}

/// Throws std::invalid_argument if this thread may not run on one of `wanted`, a member of the options `whose`.
inline void check_processors(const char* whose, const std::vector<unsigned>& wanted) {
    if (wanted.empty()) return;
    const std::vector<unsigned> available = allowed_processors();
    for (const unsigned processor : wanted) {
        bool found = false;
        for (const unsigned each : available) found = found || each == processor;
        if (!found)
            throw std::invalid_argument(
                std::string(whose) + "::processors: this thread may not run on processor " +
                std::to_string(processor) + "; yoke::available_processors() names those on which it may");
    }
}

/// Lets the calling thread run on this processor only. False if the system refuses.
inline bool pin_this_thread(unsigned processor) noexcept {
#if defined(__linux__)
    try {
        processor_set set(processor + std::size_t{1});
        set.add(processor);
        return ::pthread_setaffinity_np(::pthread_self(), set.bytes(), set.get()) == 0;
    } catch (...) {
        return false;  // no memory for the set
    }
#else
    static_cast<void>(processor);
    return false;
#endif
}

}  // namespace yoke::detail
