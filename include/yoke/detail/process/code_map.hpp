// SPDX-License-Identifier: MIT
#pragma once

/// Which code was loaded when the fork server started. A worker has that code and no other: a function of a library
/// loaded later would be a jump into nothing there.

#include <yoke/detail/base/config.hpp>

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
    [[nodiscard]] static code_map of_this_process();

    [[nodiscard]] bool contains(std::uintptr_t address) const noexcept;

private:
    std::vector<std::pair<std::uintptr_t, std::uintptr_t>> segments_;
};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/process/code_map.ipp>
#endif
