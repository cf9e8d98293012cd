// SPDX-License-Identifier: MIT
#pragma once

/// A thread's name, and the processors that it may run on.

#include <yoke/detail/base/config.hpp>

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
void name_this_thread(const std::string& name, std::size_t index) noexcept;

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
std::vector<unsigned> allowed_processors();

/// Throws std::invalid_argument if this thread may not run on one of `wanted`, a member of the options `whose`.
void check_processors(const char* whose, const std::vector<unsigned>& wanted);

/// Lets the calling thread run on this processor only. False if the system refuses.
bool pin_this_thread(unsigned processor) noexcept;

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/os/thread_traits.ipp>
#endif
