// SPDX-License-Identifier: MIT
#pragma once

/// A call that is made elsewhere while its caller waits, without a type of its own: what hands it over is compiled once
/// for all calls. (std::function_ref<void()> of C++26.)

#include <concepts>

namespace yoke::detail {

/// Refers to a function object, which must outlive it. Calling it costs a call through a pointer.
class function_ref {
public:
    template <class F>
        requires(!std::same_as<F, function_ref>)  // a copy refers to the same, not to what it was copied from
    explicit function_ref(F& f) noexcept
        : call_([](const void* target) { (*static_cast<F*>(const_cast<void*>(target)))(); }), target_(&f) {}

    void operator()() const { call_(target_); }

private:
    void (*call_)(const void*);
    const void* target_;
};

}  // namespace yoke::detail
