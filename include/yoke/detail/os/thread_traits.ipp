// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/os/thread_traits.hpp>

namespace yoke::detail {

YOKE_INLINE void name_this_thread(const std::string& name, std::size_t index) noexcept {
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

YOKE_INLINE std::vector<unsigned> allowed_processors() {
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

YOKE_INLINE void check_processors(const char* whose, const std::vector<unsigned>& wanted) {
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

YOKE_INLINE bool pin_this_thread(unsigned processor) noexcept {
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
