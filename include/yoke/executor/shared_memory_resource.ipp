// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/shared_memory_resource.hpp>

namespace yoke {

YOKE_INLINE std::size_t shared_memory_resource::bytes_in_use() const {
    if (watch_.forked()) throw forked();
    return static_cast<std::size_t>(host_.arena().used());
}

YOKE_INLINE void* shared_memory_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
    if (detail::in_worker_process)
        throw unsupported(
            "shared memory is given out by the program only; a worker process cannot allocate it, "
            "but may return a value or write to memory that it was given");
    if (watch_.forked()) throw forked();
    return host_.arena().at(host_.arena().allocate(bytes, alignment).offset);
}

YOKE_INLINE void shared_memory_resource::do_deallocate(void* memory, std::size_t bytes, std::size_t) {
    // In a worker, the copy of a container that belongs to the program: it does so itself.
    if (detail::in_worker_process || watch_.forked()) return;
    host_.arena().deallocate({host_.arena().offset_of(memory), bytes == 0 ? 1 : bytes});
}

}  // namespace yoke
