// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/process/worker.hpp>

namespace yoke::detail {

YOKE_INLINE worker_task::worker_task(const process_board& board, const shared_arena& arena,
                                     std::uint32_t index, std::uint16_t worker, bool collects) noexcept
    : board_(board),
      arena_(arena),
      slot_(board.slot(index)),
      index_(index),
      worker_(worker),
      collects_(collects),
      // As it was claimed. It may have expired since, and then commit() must find that out.
      state_(slot_state::of(slot_.state.load(std::memory_order_relaxed)).with(slot_phase::running)),
      call_{slot_.block_size == 0 ? slot_.bytes.data() : arena.at(slot_.block_offset),
            static_cast<std::size_t>(slot_.call_size)},
      room_size_(slot_.room_size) {}

YOKE_INLINE void worker_task::run() noexcept {
    YOKE_TEST_POINT("task claimed");
    if (slot_.timed != 0) slot_.started.store(monotonic_ns(), std::memory_order_release);
    {
        const stoppable_task here(slot_.stop);
        try {
            YOKE_TEST_POINT("task started");
            slot_.entry(*this);
            end_forked_child();
            slot_.failed = 0;
        } catch (...) {
            end_forked_child();
            put_error(std::current_exception());
        }
    }
    // A worker leaves without the usual goodbyes, and may be killed at any time: what was printed must be out.
    flush_output();
    if (collects_) hand_over_output(board_, worker_, index_);
    commit();
}

YOKE_INLINE std::span<std::byte> worker_task::room(std::size_t size) {
    end_forked_child();
    slot_.result_size = size;
    if (size <= task_slot::capacity) {
        slot_.result_at = result_place::slot;
        return {slot_.bytes.data(), size};
    }
    if (slot_.keep_call == 0 && size <= slot_.block_size) {
        slot_.result_at = result_place::call_block;
        return {arena_.at(slot_.block_offset), size};
    }
    if (size > room_size_) {
        room_size_ = 0;
        ask_for_room();
        if (state_.phase != slot_phase::has_room) refuse(size);
        room_size_ = size;
    }
    slot_.result_at = result_place::room;
    return {arena_.at(slot_.room_offset), size};
}

YOKE_INLINE void worker_task::refuse(std::size_t size) const {
    const std::string result = "the result of the task has " + std::to_string(size) + " bytes, and ";
    const std::uint64_t bound = slot_.room_size;
    throw message_too_large(
        bound != 0
            ? result + "process_pool_options::max_pending_bytes is " + std::to_string(bound) +
                  "; raise it, or return less at a time"
            : result + "there is no shared memory left for so many; see runtime_options::shared_memory");
}

YOKE_INLINE void worker_task::ask_for_room() {
    YOKE_TEST_POINT("room wanted");
    shared_word& answer = board_.desk(worker_).answer;
    const std::uint32_t before = answer.load(std::memory_order_acquire);
    static_cast<void>(change_state(slot_phase::wants_room));
    board_.set_done(index_);
    board_.call_collector();
    for (;;) {
        const auto now = slot_state::of(slot_.state.load(std::memory_order_acquire));
        if (now.phase == slot_phase::has_room || now.phase == slot_phase::no_room) {
            state_ = now;
            return;
        }
        if (!is_mine(now, slot_phase::wants_room)) await_end();
        // Not for ever: another task may have written over the desk.
        futex_wait(answer, before, later(monotonic_ns(), healing_interval()));
    }
}

YOKE_INLINE void worker_task::put_error(std::exception_ptr error) noexcept {
    slot_.failed = 1;
    std::vector<std::byte> bytes = encode_exception(error);
    try {
        const auto to = room(bytes.size());
        if (!bytes.empty()) std::memcpy(to.data(), bytes.data(), bytes.size());
    } catch (...) {
        // No room even for the exception: one without its text fits the slot.
        bytes = encode_exception(std::make_exception_ptr(
            message_too_large("an exception of the task, and there is no shared memory left for its text")));
        slot_.result_size = std::min(bytes.size(), task_slot::capacity);
        slot_.result_at = result_place::slot;
        std::memcpy(slot_.bytes.data(), bytes.data(), static_cast<std::size_t>(slot_.result_size));
    }
}

YOKE_INLINE void worker_task::commit() noexcept {
    YOKE_TEST_POINT("result written");
    slot_.seal = result_record::of(slot_).right_seal(state_);
    const bool watched = change_state(slot_phase::done);
    YOKE_TEST_POINT("result committed");
    // Who waits for the task takes the result; if nobody does, the collector.
    if (watched)
        board_.wake_watchers(index_);
    else
        board_.set_done(index_);
    YOKE_TEST_POINT("result announced");
    if (!watched) board_.call_collector();
}

YOKE_INLINE bool worker_task::change_state(slot_phase next) noexcept {
    const auto before = board_.step(index_, state_, state_.with(next));
    if (!before) await_end();
    state_ = before->with(next);
    return state_.watched;
}

YOKE_INLINE void worker_task::await_end() const noexcept {
    if (!is_mine(slot_state::of(slot_.state.load(std::memory_order_acquire)), slot_phase::expired))
        ::_exit(1);
    for (;;) ::pause();
}

YOKE_INLINE std::optional<std::uint32_t> claim_or_search(const process_board& board, std::uint16_t worker,
                                                         std::uint64_t& tail,
                                                         const search_terms& terms) noexcept {
    auto claimed = board.claim(worker, tail);
    if (claimed || terms.looks == 0 || !board.begin_search(worker, terms.most)) return claimed;
    for (int round = 0; !claimed && round <= terms.rounds && board.header().stop == 0; ++round) {
        // Who waits for the last task may be one of those.
        if (round != 0) give_way();
        for (int i = 0; !claimed && i < terms.looks; ++i) {
            cpu_pause();
            if (!board.ring_empty()) claimed = board.claim(worker, tail);
        }
    }
    board.end_search(worker);
    return claimed;
}

YOKE_INLINE void keep_to(const worker_terms& terms, const shared_arena& arena) {
    if (terms.processor >= 0 && !pin_this_thread(static_cast<unsigned>(terms.processor)))
        throw_errno("a worker cannot be kept on processor " + std::to_string(terms.processor));
    errno = 0;
    if (terms.niceness != 0 && ::nice(terms.niceness) == -1 && errno != 0)
        throw_errno("a worker's niceness cannot be raised by " + std::to_string(terms.niceness));
    for (std::size_t i = 0; i < terms.limits.size(); ++i) {
        const std::uint64_t value = terms.limits[i];
        if (value == worker_terms::inherited) continue;
        if (i == RLIMIT_DATA && memory_of_this_process().data > value)
            throw std::invalid_argument("process_pool_options: workers may use " + std::to_string(value) +
                                        " bytes of memory, and have " +
                                        std::to_string(memory_of_this_process().data) +
                                        " already when they start");
        rlimit limit{};
        ::getrlimit(static_cast<int>(i), &limit);
        limit.rlim_cur = value;
        if (::setrlimit(static_cast<int>(i), &limit) != 0)
            throw_errno("a worker's limit " + std::to_string(i) + " cannot be set to " +
                        std::to_string(value));
    }
    if (terms.init != nullptr)
        terms.init({arena.at(terms.init_offset), static_cast<std::size_t>(terms.init_size)});
}

YOKE_INLINE bool begin_work(board_header& header, const worker_terms& terms,
                            const shared_arena& arena) noexcept {
    try {
        keep_to(terms, arena);
        end_forked_child();
        return true;
    } catch (...) {
        end_forked_child();
        std::uint32_t nobody = 0;
        if (header.init_failed.compare_exchange_strong(nobody, 1)) {
            std::vector<std::byte> bytes = encode_exception(std::current_exception());
            header.init_error_size =
                static_cast<std::uint32_t>(std::min(bytes.size(), header.init_error.size()));
            std::copy_n(bytes.begin(), header.init_error_size, header.init_error.begin());
            header.init_failed.store(2, std::memory_order_release);
        }
        return false;
    }
}

YOKE_INLINE int serve_pool(const worker_terms& terms) noexcept {
    process_host& host = process_host::instance();
    if (in_worker_process) host.belong_here();  // not in a test whose workers are threads
    const shared_arena& arena = host.arena();
    const process_board board(arena.at(terms.board_offset), terms.slots, terms.workers);
    board_header& header = board.header();
    const auto worker = static_cast<std::uint16_t>(terms.index);
    const auto leave_as = [&](farewell why) {
        board.take_leave(worker, why);
        return 0;
    };
    const shared_word& leave = board.desk(worker).leave;
    const unsigned processors = std::thread::hardware_concurrency();
    // With one there is nobody to wait for. Somebody who submits, waits, and submits again may sleep as he waits, and takes
    // his time to wake; for him a worker looks on for some 100 us.
    const search_terms usual{processors / 2, processors > 1 ? 200 : 0, 0};
    const search_terms patient{usual.most, usual.looks, 20};
    search_patience patience;
    if (terms.reports != 0)
        crash_handler::install(reinterpret_cast<crash_report*>(arena.at(terms.report_offset))[terms.index]);
    if (!begin_work(header, terms, arena)) return 1;
    if (terms.collects != 0) hand_over_output(board, worker, board.slot_count());
    std::uint64_t tasks = 0;
    std::uint64_t tail = 0;  // of the ring, as far as known
    const auto idle_end = [&] { return terms.idle_ns == 0 ? never : monotonic_ns() + terms.idle_ns; };
    std::int64_t idle_until = idle_end();
    for (;;) {
        if (leave.load(std::memory_order_seq_cst) != 0) return leave_as(farewell::asked);
        const auto claimed = claim_or_search(board, worker, tail, patience.looks() == 0 ? usual : patient);
        if (claimed) {
            patience.found_task(!board.ring_empty());
            YOKE_TEST_POINT("slot claimed");
            board.pass_on();
            if (header.watch_claims.load(std::memory_order_seq_cst) != 0) {
                header.claims.store(1, std::memory_order_seq_cst);
                board.call_collector();
            }
            worker_task(board, arena, *claimed, worker, terms.collects != 0).run();
            ++tasks;
            if (tasks == terms.most_tasks ||
                (terms.most_memory != 0 && memory_of_this_process().resident > terms.most_memory))
                return leave_as(farewell::worn_out);
            idle_until = idle_end();
        } else if (!board.ring_possible()) {
            // Somebody has scribbled over the counters. This worker's end is how the pool hears of it.
            return 1;
        } else if (header.stop.load(std::memory_order_seq_cst) != 0) {
            if (board.ring_empty()) return 0;
        } else {
            patience.give_up();
            if (!board.sleep(worker, idle_until)) return leave_as(farewell::idle);
        }
    }
}

}  // namespace yoke::detail
