// SPDX-License-Identifier: MIT
#pragma once

/// Which tasks wait for a task that their own thread must not run.
///
/// A pool whose threads are initialized leaves its tasks to them, so a thread elsewhere that waits for one only sleeps. If
/// the pool's threads wait, in turn, for the task that runs on that thread, nobody would ever run it. So before the
/// thread sleeps it notes that all tasks on its stack wait for that task, and they have news: a thread of the pool that
/// waits for one of them, by whatever detour, wakes, finds the note and runs the task. It runs nothing else by that.
///
/// A note is made before the news, and the one who waits reads its word before it looks for notes: so either it sees the
/// note, or its sleep fails or ends.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/detail/sync/process_lock.hpp>

#include <array>
#include <atomic>
#include <cstddef>

namespace yoke::detail {

class future_core;

/// What a thread has noted, on its stack.
struct blocked_note {
    const task_scope* stack;  // the innermost task of the sleeping thread
    future_core* awaited;     // which the thread has a share of
    blocked_note* next = nullptr;
};

/// All notes. One list for the whole program.
class blocked_notes {
public:
    constexpr blocked_notes() = default;

    void add(blocked_note& note) noexcept {
        lock();
        note.next = first_;
        first_ = &note;
        // relaxed: the news that follow publish it.
        count_.fetch_add(1, std::memory_order_relaxed);
        lock_.unlock();
    }
    void remove(blocked_note& note) noexcept {
        lock();
        blocked_note** at = &first_;
        while (*at != nullptr && *at != &note) at = &(*at)->next;
        if (*at != nullptr) {
            *at = note.next;
            count_.fetch_sub(1, std::memory_order_relaxed);
        }
        lock_.unlock();
    }
    /// Calls `take(awaited)`, which must be short, for each note of a thread that runs `task`.
    template <class Take>
    void look_for(const future_core& task, Take take) noexcept {
        if (count_.load(std::memory_order_relaxed) == 0) return;
        lock();
        for (blocked_note* note = first_; note != nullptr; note = note->next) {
            if (task_scope::runs(note->stack, task)) take(*note->awaited);
        }
        lock_.unlock();
    }

private:
    void lock() noexcept {
        if (!lock_.lock()) return;
        first_ = nullptr;  // the parent's threads wait in the parent
        count_.store(0, std::memory_order_relaxed);
    }

    process_lock lock_;
    std::atomic<std::size_t> count_{0};
    blocked_note* first_ = nullptr;
};
YOKE_SHARED_STATE inline constinit blocked_notes all_blocked;

/// True: help() of this thread found a task that it must not run.
YOKE_SHARED_STATE inline thread_local bool help_refused = false;
/// How deep this thread is in notes that lead to tasks which have notes; bounds it where tasks wait for each other in a ring.
YOKE_SHARED_STATE inline thread_local int notes_followed = 0;
inline constexpr int most_notes_followed = 64;

/// Lasts while this thread sleeps until `awaited`, which it must not run, is done.
template <class Core>
class blocked_wait {
public:
    explicit blocked_wait(Core& awaited) noexcept : note_{innermost_task, &awaited} {
        all_blocked.add(note_);
        task_scope::for_each_task([](Core& waiting) { waiting.news(); });
    }
    blocked_wait(const blocked_wait&) = delete;
    blocked_wait& operator=(const blocked_wait&) = delete;
    ~blocked_wait() { all_blocked.remove(note_); }

private:
    blocked_note note_;
};

/// Helps with what `task`, which runs on another thread, waits for according to the notes.
template <class Core>
void help_where_blocked(const Core& task) noexcept {
    if (notes_followed == most_notes_followed) return;
    std::array<Core*, 8> found;  // a loop may wait in several threads; a further one has news of its own
    std::size_t count = 0;
    all_blocked.look_for(task, [&](Core& awaited) {
        if (count == found.size()) return;
        awaited.acquire();
        found[count++] = &awaited;
    });
    ++notes_followed;
    for (std::size_t i = 0; i != count; ++i) {
        found[i]->help();
        found[i]->release();
    }
    --notes_followed;
}

}  // namespace yoke::detail
