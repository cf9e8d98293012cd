// SPDX-License-Identifier: MIT
#pragma once

/// The types of exceptions that have been registered to cross to another process as themselves, and their names.
/// <yoke/wire/registered_exception.hpp> has the user's side.

#include <yoke/detail/base/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

namespace yoke::detail {

/// Inside a handler: the type of what was caught, as one writes it in a program. Asks the C++ runtime, so it needs no
/// run-time type information of the compiler's.
std::string current_exception_type();

/// What `current_exception_type` says of an `E` that was thrown.
template <class E>
const std::string& exception_type_name() {
    static const std::string name = [] {
        try {
            throw static_cast<E*>(nullptr);  // an E may be hard to make
        } catch (...) {
            std::string pointer = current_exception_type();
            pointer.pop_back();
            return pointer;
        }
    }();
    return name;
}

/// Inside a handler: calls `use` with what was caught if it is an `E`; returns whether it is.
template <class E, class Use>
bool if_current_exception_is(Use use) {
    try {
        throw;
    } catch (std::conditional_t<std::is_pointer_v<E>, E, const E&>
                 e) {  // clang loses pointers caught by reference
        use(e);
        return true;
    } catch (...) {
        return false;
    }
}

/// Throws and catches what `make()` returns, with `nested` nested in it if there is one; throws what `make` throws.
template <class Make>
std::exception_ptr raise_made(Make make, const std::exception_ptr& nested) {
    if (nested == nullptr) {
        auto made = make();
        try {
            throw std::move(made);
        } catch (...) {
            return std::current_exception();
        }
    }
    try {
        std::rethrow_exception(nested);
    } catch (...) {
        auto made = make();  // here, as it may derive from std::nested_exception
        try {
            std::throw_with_nested(std::move(made));
        } catch (...) {
            return std::current_exception();
        }
    }
}

/// What is registered of a type.
struct exception_entry {
    const std::string& (*type)();
    /// Inside a handler: the bytes of what was caught; false if that is of another type. Throws what encoding throws.
    bool (*encode)(std::vector<std::byte>& bytes);
    /// The exception, with `nested` nested in it. Throws what decoding throws.
    std::exception_ptr (*decode)(std::span<const std::byte> bytes, const std::exception_ptr& nested);
    std::atomic<exception_entry*> next{nullptr};
};

/// All entries of the process, newest first. It is constant-initialised, so objects of any file may register before main.
/// Whoever reads takes no lock, and can be a forked child: an entry is complete before it is linked by a store with
/// release, and stays while exceptions can travel. Writers (libraries that are loaded and unloaded) exclude each other.
class exception_registry {
public:
    constexpr exception_registry() noexcept = default;
    exception_registry(const exception_registry&) = delete;
    exception_registry& operator=(const exception_registry&) = delete;

    void add(exception_entry& entry) noexcept;
    void remove(const exception_entry& entry) noexcept;
    /// The first entry for which `accept(entry)` is true, or null.
    template <class Accept>
    [[nodiscard]] const exception_entry* find(Accept accept) const {
        const exception_entry* at = first_.load(std::memory_order_acquire);
        while (at != nullptr && !accept(*at)) at = at->next.load(std::memory_order_acquire);
        return at;
    }

private:
    std::mutex mutex_;
    std::atomic<exception_entry*> first_{nullptr};
};

YOKE_SHARED_STATE inline constinit exception_registry registered_exceptions{};

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/detail/base/exception_registry.ipp>
#endif
