// SPDX-License-Identifier: MIT
#pragma once

/// Which tasks wait for a task that their own thread must not run.
///
/// A pool whose threads are initialized leaves its tasks to them, so a thread elsewhere that waits for one only
/// sleeps. If the pool's threads wait, in turn, for the task that runs on that thread, nobody would ever run it. So
/// before the thread sleeps it notes that all work on its stack waits for that task, and tells those who wait for
/// that work: a thread of the pool that waits for it, by whatever detour, wakes, finds the note and runs the task. It
/// runs nothing else by that.
///
/// What a thread works at, and others wait for, is on its stack of task_scopes: tasks with a future, and *lent work*,
/// which is a forked call that was stolen, or calls of a pipeline's stages. The stack of who waits for lent work goes
/// on from there: what that thread works at cannot end either.
///
/// A note is made before anybody is told, and the one who waits reads its word before it looks for notes: so either
/// it sees the note, or its sleep fails or ends. One that begins to wait for lent work after the note was made, so
/// that it was not told, and whose own waiters were not, tells them itself: it says that it waits and then asks
/// whether there are notes; the other makes the note and then asks whether it waits. All four are seq_cst, so one of
/// them sees the other.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/future/task_scope.hpp>
#include <yoke/detail/sync/process_lock.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <vector>

namespace yoke::detail {

class future_core;

/// One of the futures that a sleeping thread waits for, of which it has a share.
struct awaited_link {
    future_core* awaited;
    awaited_link* next = nullptr;
};

/// What a thread has noted, on its stack.
struct blocked_note {
    const task_scope* stack;      // the innermost task of the sleeping thread
    const awaited_link* awaited;  // all that it waits for
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
        // seq_cst: see above; else the news that follow would publish it.
        count_.fetch_add(1, std::memory_order_seq_cst);
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
    [[nodiscard]] bool any() const noexcept { return count_.load(std::memory_order_seq_cst) != 0; }
    /// Calls `take(awaited)`, which must be short, for all that a thread waits for which keeps `work` from its end.
    template <class Take>
    void look_for(const void* work, Take take) noexcept {
        if (!any()) return;
        lock();
        for (blocked_note* note = first_; note != nullptr; note = note->next) {
            if (!task_scope::leads_to(note->stack, work)) continue;
            for (const awaited_link* each = note->awaited; each != nullptr; each = each->next)
                take(*each->awaited);
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

/// Lets all look for notes who wait for what a thread works at, by default this one.
template <class Core>
void tell_waiters(const task_scope* innermost = innermost_task) noexcept {
    task_scope::tell_waiters(innermost, [](Core& waiting) { waiting.news(); });
}

/// Lasts while this thread sleeps until `awaited`, which it must not run, or all that is in a list, of which it must
/// not run some, is done.
template <class Core>
class blocked_wait {
public:
    explicit blocked_wait(Core& awaited) noexcept : blocked_wait(nullptr, &awaited) {}
    explicit blocked_wait(const awaited_link& list) noexcept : blocked_wait(&list, nullptr) {}
    blocked_wait(const blocked_wait&) = delete;
    blocked_wait& operator=(const blocked_wait&) = delete;
    ~blocked_wait() { all_blocked.remove(note_); }

private:
    blocked_wait(const awaited_link* list, Core* one) noexcept
        : one_{one}, note_{innermost_task, list != nullptr ? list : &one_} {
        all_blocked.add(note_);
        tell_waiters<Core>();
    }

    awaited_link one_;
    blocked_note note_;
};

/// Helps with what `work`, which other threads do, waits for according to the notes.
template <class Core>
void help_with_blocked(const void* work) noexcept {
    if (notes_followed == most_notes_followed) return;
    std::size_t count = 0;
    all_blocked.look_for(work, [&](Core&) { ++count; });
    if (count == 0) return;
    std::array<Core*, 8> few;
    std::vector<Core*> many;
    Core** found = few.data();
    std::size_t room = few.size();
    if (count > room) {
        try {
            many.resize(count);
            found = many.data();
            room = count;
        } catch (...) {}  // no memory: then some of them
    }
    count = 0;
    // What has come meanwhile has news of its own.
    all_blocked.look_for(work, [&](Core& awaited) {
        if (count == room) return;
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
/// For who waits for the task of a future.
template <class Core>
void help_where_blocked(const Core& task) noexcept {
    help_with_blocked<Core>(&task);
}
/// For who waits for lent work.
template <class Core>
void help_with_lent(const void* work) noexcept {
    const bool outer = help_refused;  // of a wait further out on this stack
    help_with_blocked<Core>(work);
    help_refused = outer;
}

}  // namespace yoke::detail
