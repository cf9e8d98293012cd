// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/process/code_map.hpp>

namespace yoke::detail {

YOKE_INLINE code_map code_map::of_this_process() {
    code_map map;
    ::dl_iterate_phdr(
        [](dl_phdr_info* library, std::size_t, void* to) {
            for (int i = 0; i < library->dlpi_phnum; ++i) {
                const auto& segment = library->dlpi_phdr[i];
                if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
                const std::uintptr_t first = library->dlpi_addr + segment.p_vaddr;
                static_cast<code_map*>(to)->segments_.emplace_back(first, first + segment.p_memsz);
            }
            return 0;
        },
        &map);
    return map;
}

YOKE_INLINE bool code_map::contains(std::uintptr_t address) const noexcept {
    return std::any_of(segments_.begin(), segments_.end(),
                       [&](const auto& s) { return s.first <= address && address < s.second; });
}

}  // namespace yoke::detail
