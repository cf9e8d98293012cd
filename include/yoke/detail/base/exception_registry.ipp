// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/base/exception_registry.hpp>

namespace yoke::detail {

YOKE_INLINE std::string current_exception_type() {
    const std::type_info* type = abi::__cxa_current_exception_type();
    if (type == nullptr) return "an exception of another language";
    int status = 0;
    char* readable = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
    std::string name;
    try {
        name = readable != nullptr ? readable : type->name();
    } catch (...) {
        std::free(readable);
        throw;
    }
    std::free(readable);
    for (const std::string_view noise : {"[abi:cxx11]", "__cxx11::", "__1::"})
        for (auto at = name.find(noise); at != std::string::npos; at = name.find(noise))
            name.erase(at, noise.size());
    // Nested exceptions have a type that derives from the one that was thrown and from std::nested_exception.
    for (const std::string_view wrapper :
         {"std::_Nested_exception<", "std::__nested<", "yoke::detail::exception_with_text<"}) {
        if (!name.starts_with(wrapper) || !name.ends_with('>')) continue;
        name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
        if (name.ends_with(' ')) name.pop_back();
    }
    return name;
}

YOKE_INLINE void exception_registry::add(exception_entry& entry) noexcept {
    const std::lock_guard lock(mutex_);
    entry.next.store(first_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    first_.store(&entry, std::memory_order_release);
}

YOKE_INLINE void exception_registry::remove(const exception_entry& entry) noexcept {
    const std::lock_guard lock(mutex_);
    std::atomic<exception_entry*>* link = &first_;
    while (exception_entry* const at = link->load(std::memory_order_relaxed)) {
        if (at == &entry) {
            link->store(at->next.load(std::memory_order_relaxed), std::memory_order_release);
            return;
        }
        link = &at->next;
    }
}

}  // namespace yoke::detail
