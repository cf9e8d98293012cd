// SPDX-License-Identifier: MIT
#pragma once

/// Which code was loaded when the fork server started. A worker has that code and no other: a function of a library
/// loaded later would be a jump into nothing there.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <link.h>

namespace yoke::detail {

class code_map {
public:
    /// The executable segments of the program and its libraries, as they are now.
    [[nodiscard]] static code_map of_this_process() {
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

    [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
        return std::any_of(segments_.begin(), segments_.end(),
                           [&](const auto& s) { return s.first <= address && address < s.second; });
    }

private:
    std::vector<std::pair<std::uintptr_t, std::uintptr_t>> segments_;
};

}  // namespace yoke::detail
