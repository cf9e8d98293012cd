// SPDX-License-Identifier: MIT
#pragma once

/// How long a worker without work looks around before it sleeps.
///
/// A worker that finds *one* task, time after time, is in a conversation: somebody submits a task, waits for it, and
/// submits the next. Whoever sleeps in between pays for a sleep and a wake, some 10 us each trip, where the trip
/// itself takes half of one. So the worker stays awake for about as long as those would take: at the worst, it wastes as
/// much as it tried to save (Karlin, Li, Manasse and Owicki, "Empirical studies of competitive spinning for a
/// shared-memory multiprocessor", SOSP 1991).
///
/// A worker that finds *several* at a time is on a stream. It sleeps at once when it has done them: each of its looks takes
/// the queue's memory away from the producer's processor, and when it comes back it finds a batch.
///
/// The same holds for forked jobs, where one was there is often another one soon.

#include <yoke/detail/base/cpu_pause.hpp>
#include <yoke/detail/sync/parking.hpp>

namespace yoke::detail {

/// For one worker.
class search_patience {
public:
    /// The worker has found a task; `more`: there are others.
    void found_task(bool more) noexcept {
        if (more) {
            lone_ = 0;
        } else if (lone_ != conversation) {
            ++lone_;
        } else if (awake_) {
            in_vain_ = 0;
        }
        awake_ = true;
    }
    /// The worker goes to sleep.
    void give_up() noexcept {
        awake_ = false;
        if (lone_ != conversation || ++in_vain_ != most_in_vain) return;
        lone_ = 0;
        in_vain_ = 0;
    }

    /// How often to look before a sleep, if no other worker looks.
    [[nodiscard]] int looks() const noexcept { return lone_ == conversation ? most_looks : 0; }

    /// So often, with a pause() after each, takes some 10 us.
    static constexpr int most_looks = 25;
    /// Between two looks, for some 0.4 us: whoever works with the queue meanwhile hardly notices them. After three that
    /// have found nothing it gives way, as who waits for the last task may want this very processor.
    static void pause(int looks_left) noexcept {
        if (looks_left == most_looks - 3) return give_way();
        for (int i = 0; i != 16; ++i) cpu_pause();
    }

private:
    /// So many tasks that came alone, one after the other, are a conversation ...
    static constexpr int conversation = 8;
    /// ... which is over when the worker has stayed awake so often for nothing: tasks come alone, but too seldom.
    static constexpr int most_in_vain = 2;

    int lone_ = 0;
    int in_vain_ = 0;
    bool awake_ = false;  // since the last task
};

}  // namespace yoke::detail
