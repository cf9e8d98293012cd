// SPDX-License-Identifier: MIT
#pragma once

/// The least that each concept asks for, for those who write generic code.
///
/// An algorithm that compiles with `archetype::minimal_executor` uses nothing an executor need not have. (It runs
/// nothing: it is for `static_assert` and for instantiating templates, not for running.)

#include <yoke/concept/executor.hpp>

#include <cstddef>
#include <utility>

namespace yoke::archetype {

/// Neither copyable nor movable; no `submit`, no options; runs only what can cross to another process,
/// approximated here by empty function objects and plain function pointers.
class minimal_executor {
public:
    minimal_executor() = default;
    minimal_executor(const minimal_executor&) = delete;
    minimal_executor& operator=(const minimal_executor&) = delete;

    template <class R, class F, class... Args>
        requires callable_with<F, Args...> && receiver_of<R, call_result<F, Args...>> &&
            (std::is_empty_v<std::decay_t<F>> ||
             std::is_pointer_v<std::decay_t<F>>)void execute(R&& receiver, F&&, Args&&...) {
            std::forward<R>(receiver).set_stopped();
        }
        void shutdown() {}
        void shutdown(cancel_pending_t) {}
        [[nodiscard]] std::size_t concurrency() const { return 1; }
};

static_assert(executor<minimal_executor>);
static_assert(!local_executor<minimal_executor>);

}  // namespace yoke::archetype
