// SPDX-License-Identifier: MIT
#pragma once

/// Setting things going on executors that may complete a task inside `execute`, without recursion.
///
/// A launcher hands work to an executor and is asked again and again, under its owner's mutex, whether there is more. Should the
/// executor run the work at once, in the caller, then what comes of it - the next item is free to begin - would launch
/// the same launcher again, on top of the same stack, and so on for every item there is. So a launcher marks the stack while it
/// launches, and is not wanted on a stack that is marked with it; the loop at the bottom looks again.

#include <yoke/detail/base/config.hpp>  // for YOKE_SHARED_STATE

#include <mutex>
#include <utility>

namespace yoke::detail {

/// Something that can be set going when there is something for it to do.
class launcher {
public:
    /// Under the mutex: is there something to launch?
    virtual bool wanted() noexcept = 0;
    /// Launches it; called and returns with the mutex held, gives it up meanwhile.
    virtual void launch(std::unique_lock<std::mutex>& lock) noexcept = 0;
    /// Under the mutex: is something launched but not begun that this thread could do itself?
    [[nodiscard]] virtual bool can_be_helped() const noexcept { return false; }
    /// Does one piece of it, if so; called and returns with the mutex held. False: there was none.
    virtual bool help(std::unique_lock<std::mutex>&) noexcept { return false; }
    /// True if the driver may do none of it, but threads of its own may that wait for the driver.
    [[nodiscard]] virtual bool refuses_driver() const noexcept { return false; }
    /// As help(), for a thread that waits for the driver. `refused` becomes true if that thread must not do what
    /// there is.
    virtual bool help_from_outside(std::unique_lock<std::mutex>&, bool& /*refused*/) noexcept {
        return false;
    }

protected:
    launcher() = default;
    ~launcher() = default;
};

/// Marks the stretch of this thread's stack on which a launcher launches.
class launch_frame {
public:
    explicit launch_frame(const launcher& who) noexcept
        : who_(&who), outer_(std::exchange(innermost, this)) {}
    ~launch_frame() { innermost = outer_; }
    launch_frame(const launch_frame&) = delete;
    launch_frame& operator=(const launch_frame&) = delete;

    [[nodiscard]] static bool holds(const launcher& who) noexcept {
        const launch_frame* frame = innermost;
        while (frame != nullptr && frame->who_ != &who) frame = frame->outer_;
        return frame != nullptr;
    }

private:
    YOKE_SHARED_STATE static inline thread_local const launch_frame* innermost = nullptr;

    const launcher* who_;
    const launch_frame* outer_;
};

}  // namespace yoke::detail
