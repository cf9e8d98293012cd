// SPDX-License-Identifier: MIT
#pragma once

namespace yoke::detail {

/// Tells the processor that this thread only waits: between two looks at something that is about to happen.
inline void cpu_pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace yoke::detail
