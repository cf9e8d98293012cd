// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/dropped_error.hpp>

namespace yoke::detail {

YOKE_INLINE dropped_error_handler drop_registry::set_handler(dropped_error_handler handler) noexcept {
    try {
        const fork_watch children_have_numbers;
    } catch (...) {  // no memory: then a child cannot be told from its parent
    }
    const guard lock(*this);
    // First the handler, then whose it is: a reader that sees this process's number and the same handler before
    // and after it does not have the parent's handler.
    const dropped_error_handler before = handler_.exchange(handler, std::memory_order_acq_rel);
    const unsigned here = process_number();
    return handler_process_.exchange(here, std::memory_order_acq_rel) == here ? before : nullptr;
}

YOKE_INLINE void drop_registry::count(std::uint32_t pool, const char* what, char* text,
                                      std::size_t room) noexcept {
    total_.fetch_add(1, std::memory_order_relaxed);
    std::snprintf(text, room, "%s", what);
    if (pool == 0) return;
    const guard lock(*this);
    for (drop_counter* each = first_; each != nullptr; each = each->next_) {
        if (each->number_.load(std::memory_order_relaxed) != pool) continue;
        each->count_.fetch_add(1, std::memory_order_relaxed);
        const bool named = *each->name_ != '\0';
        std::snprintf(text, room, named ? "%s '%s': %s" : "%s%s: %s", each->kind_, each->name_, what);
        return;
    }
}

YOKE_INLINE void drop_registry::add(drop_counter& pool) noexcept {
    const guard lock(*this);
    if (pool.number_.load(std::memory_order_relaxed) != 0) return;
    given_ = given_ % most_numbers + 1;
    pool.next_ = std::exchange(first_, &pool);
    pool.number_.store(given_, std::memory_order_relaxed);
}

YOKE_INLINE void drop_registry::remove(drop_counter& pool) noexcept {
    const guard lock(*this);
    for (drop_counter** at = &first_; *at != nullptr; at = &(*at)->next_) {
        if (*at != &pool) continue;
        *at = pool.next_;
        return;
    }
}

YOKE_INLINE bool is_cancellation(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const cancelled&) {
        return true;
    } catch (...) {
        return false;
    }
}

YOKE_INLINE void write_dropped_error(const std::exception_ptr& error, const char* origin) noexcept {
    try {
        const std::string line =
            "yoke: an error that nobody receives, from " + std::string(origin) + ": " + text_of(error) +
            "\nyoke: further ones are only counted; yoke::on_dropped_error(handler) hears of each\n";
#if defined(__unix__) || defined(__APPLE__)
        // In one piece, and without a lock that another thread may have held at a fork.
        if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
#else
        std::fputs(line.c_str(), stderr);
#endif
    } catch (...) {  // no memory for the text: it is counted
    }
}

YOKE_INLINE void report_dropped_error(std::exception_ptr error, const char* what,
                                      std::uint32_t pool) noexcept {
    if (is_cancellation(error)) return;
    char origin[200];
    all_drops.count(pool, what, origin, sizeof origin);
    if (const dropped_error_handler handler = all_drops.handler()) {
        try {
            handler(std::move(error), dropped_error_origin{origin});
        } catch (...) {  // promised
        }
    } else if (all_drops.first_to_write()) {
        write_dropped_error(error, origin);
    }
}

}  // namespace yoke::detail
