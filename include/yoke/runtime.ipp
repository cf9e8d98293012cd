// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/runtime.hpp>

namespace yoke {

YOKE_INLINE runtime::runtime(const runtime_options& options) : host_(detail::process_host::instance()) {
    host_.start();
    if (options.shared_memory != 0) host_.arena().set_limit(options.shared_memory);
}

}  // namespace yoke
