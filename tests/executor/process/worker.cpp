// SPDX-License-Identifier: MIT
// labels: concurrent
//
// The whole way of a task over the board, with threads in the place of processes, so that the thread sanitizer sees it: the
// worker's code is the real one, the pool's side is the least that keeps to the protocol. Tasks are cancelled, watched and
// collected, ask for room, and are lost with workers that die; workers wear out; every slot is used again and again.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process/task.hpp>
#include <yoke/executor/process/worker.hpp>

#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace yoke::detail;

namespace {

constexpr std::uint32_t slots = 64;
constexpr std::uint32_t workers = 3;
constexpr std::uint64_t wears_out = 200;  ///< tasks of a worker

std::uint64_t answer_to(std::uint64_t number) { return number * 3 + 1; }
/// Every seventh result does not fit its slot.
std::size_t size_for(std::uint64_t number) { return number % 7 == 0 ? 1'000 : 16 + number % 100; }

/// What a task does: its call is a number, its result has the answer at both ends.
void compute(worker_task& task) {
    std::uint64_t number = 0;
    std::memcpy(&number, task.call().data(), sizeof number);
    const std::span<std::byte> room = task.room(size_for(number));
    const std::uint64_t answer = answer_to(number);
    std::memcpy(room.data() + room.size() - sizeof answer, &answer, sizeof answer);
    std::memcpy(room.data(), &answer, sizeof answer);
}

struct memory_of_board {
    struct release {
        void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{64}); }
    };
    std::unique_ptr<std::byte, release> bytes{
        static_cast<std::byte*>(::operator new (process_board::bytes(slots, workers), std::align_val_t{64}))};
};

/// The pool's side. What a process pool keeps under its mutex is under a mutex here.
class small_pool {
public:
    explicit small_pool(bool deadly) : board_(memory_.bytes.get(), slots, workers), deadly_(deadly) {
        board_.construct();
        for (std::uint32_t i = 0; i != slots; ++i) free_.push_back(i);
        for (std::uint32_t w = 0; w != workers; ++w) hire(w);
        collector_ = std::thread([this] { collect(); });
    }
    small_pool(const small_pool&) = delete;
    small_pool& operator=(const small_pool&) = delete;
    ~small_pool() {
        over_ = true;
        board_.header().stop.store(1, std::memory_order_seq_cst);
        for (std::uint32_t w = 0; w != workers; ++w) board_.wake(w);
        board_.call_collector_surely();
        collector_.join();
        for (std::thread& thread : crew_) thread.join();
    }

    /// One task from its beginning to its end: `watch` by waiting for it on its slot, else by leaving it to the collector.
    void run(std::uint64_t number, bool watch) {
        const std::uint32_t index = send(number);
        if (number % 11 == 0 && cancel(index)) return;
        if (board_.searchers() == 0) board_.wake_one();
        if (!watch) return;
        {
            const std::lock_guard lock(mutex_);
            record& mine = records_[index];
            if (mine.number != number || !board_.watch(index)) return;
            ++mine.watchers;
        }
        while (state_of(index).under_way()) board_.await_done(index);
        const std::lock_guard lock(mutex_);
        record& mine = records_[index];
        --mine.watchers;
        const slot_state state = state_of(index);
        // Or else it was lost.
        if (mine.number == number && state.phase == slot_phase::done) {
            ++watched;
            settle(index, state);
        } else if (mine.number == 0 && mine.watchers == 0) {
            free_.push_back(index);
        }
    }
    [[nodiscard]] bool sound() {
        const std::lock_guard lock(mutex_);
        return board_.ring_sound(tail_);
    }

    std::atomic<std::uint64_t> values{0};
    std::atomic<std::uint64_t> lost{0};
    std::atomic<std::uint64_t> cancelled{0};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> watched{0};
    std::atomic<std::uint64_t> rooms{0};
    std::atomic<std::uint64_t> hired{0};

private:
    struct record {
        std::uint32_t generation = 0;
        std::uint64_t number = 0;  ///< of the task in the slot; 0: none
        int watchers = 0;
        arena_block room;
    };

    slot_state state_of(std::uint32_t index) const {
        return slot_state::of(board_.slot(index).state.load(std::memory_order_acquire));
    }
    std::uint32_t send(std::uint64_t number) {
        for (;; std::this_thread::yield()) {
            const std::lock_guard lock(mutex_);
            if (free_.empty() || !board_.has_ring_room(tail_, head_)) continue;
            const std::uint32_t index = free_.back();
            free_.pop_back();
            records_[index].number = number;
            task_slot& slot = board_.slot(index);
            slot.entry = &compute;
            slot.call_size = sizeof number;
            std::memcpy(slot.bytes.data(), &number, sizeof number);
            // Of the large results every other one finds its room ready.
            slot.room_size = number % 14 == 0 ? size_for(number) : 0;
            if (slot.room_size != 0) {
                records_[index].room = arena_block(arena_, static_cast<std::size_t>(slot.room_size));
                slot.room_offset = records_[index].room.offset();
            }
            const slot_state sent{++records_[index].generation, 0, slot_phase::sent};
            slot.state.store(sent.word(), std::memory_order_release);
            board_.push(tail_++, index, sent.generation);
            return index;
        }
    }
    bool cancel(std::uint32_t index) {
        const std::lock_guard lock(mutex_);
        const slot_state sent{records_[index].generation, 0, slot_phase::sent};
        if (!board_.step(index, sent, sent.with(slot_phase::empty))) return false;
        ++cancelled;
        vacate(index);
        return true;
    }
    /// The slot has no task any more; who watches it may go, and the last of them frees it.
    void vacate(std::uint32_t index) {
        record& left = records_[index];
        left.number = 0;
        left.room = {};
        if (left.watchers == 0) return free_.push_back(index);
        board_.slot(index).state.store(slot_state{left.generation, 0, slot_phase::empty}.word(),
                                       std::memory_order_seq_cst);
        board_.wake_watchers(index);
    }
    void settle(std::uint32_t index, slot_state state) {
        const record& done = records_[index];
        const task_slot& slot = board_.slot(index);
        const result_record result = result_record::of(slot);
        const std::byte* const bytes =
            result.at == result_place::slot ? slot.bytes.data() : done.room.bytes().data();
        bool right = result.sound(state) && result.failed == 0 && result.size == size_for(done.number);
        for (const std::size_t at : {std::size_t{0}, static_cast<std::size_t>(result.size) - 8}) {
            std::uint64_t answer = 0;
            if (right) std::memcpy(&answer, bytes + at, sizeof answer);
            right = right && answer == answer_to(done.number);
        }
        ++(right ? values : wrong);
        vacate(index);
    }

    void collect() {
        while (!over_) {
            std::vector<std::uint32_t> want_room;
            bool any = false;
            {
                const std::lock_guard lock(mutex_);
                any = take_ends();
                for (std::uint32_t word = 0; word != board_.done_words(); ++word) {
                    for (std::uint64_t bits = board_.take_done(word); bits != 0; bits &= bits - 1) {
                        const auto index = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
                        const slot_state state = state_of(index);
                        any = true;
                        if (records_[index].number == 0) continue;
                        if (state.phase == slot_phase::wants_room) want_room.push_back(index);
                        if (state.phase == slot_phase::done) settle(index, state);
                    }
                }
            }
            for (const std::uint32_t index : want_room) give_room(index);
            if (any) continue;
            board_header& header = board_.header();
            header.collector.store(1, std::memory_order_seq_cst);
            if (!board_.any_done() && !news_ && !over_) futex_wait(header.collector, 1);
            header.collector.store(0, std::memory_order_seq_cst);
        }
    }
    void give_room(std::uint32_t index) {
        const slot_state state = state_of(index);
        if (state.phase != slot_phase::wants_room) return;
        task_slot& slot = board_.slot(index);
        records_[index].room = arena_block(arena_, static_cast<std::size_t>(read_once(slot.result_size)));
        slot.room_offset = records_[index].room.offset();
        ++rooms;
        if (!board_.step(index, state, state.with(slot_phase::has_room))) ++wrong;
        board_.answer(state.worker);
    }

    // The workers. In the place of the server's message there is a flag, and join() in the place of its waitpid().

    void hire(std::uint32_t worker) {
        ++hired;
        crew_[worker] = std::thread([this, worker] {
            work(static_cast<std::uint16_t>(worker));
            ended_[worker] = true;
            news_ = true;
            board_.call_collector_surely();
        });
    }
    bool take_ends() {
        if (!news_.exchange(false) || over_) return false;
        for (std::uint32_t worker = 0; worker != workers; ++worker) {
            if (!ended_[worker].exchange(false)) continue;
            crew_[worker].join();
            board_.clear_desk(worker);
            for (std::uint32_t index = 0; index != slots; ++index) {
                const slot_state state = state_of(index);
                if (records_[index].number == 0 || state.worker != worker) continue;
                if (state.phase == slot_phase::done) {
                    settle(index, state);
                } else if (state.in_hand()) {
                    ++lost;
                    vacate(index);
                }
            }
            hire(worker);
        }
        for (std::uint32_t worker = 0; worker != workers; ++worker) board_.wake(worker);
        return true;
    }
    void work(std::uint16_t worker) {
        std::uint64_t tail = 0;
        for (std::uint64_t tasks = 0; tasks != wears_out;) {
            if (const auto index = yoke::detail::claim_or_search(board_, worker, tail, {1, 20, 1})) {
                ++tasks;
                if (deadly_ && tasks == wears_out / 2) return die(*index);
                board_.pass_on();
                worker_task(board_, arena_, *index, worker).run();
            } else if (board_.header().stop.load() != 0) {
                return;
            } else {
                board_.sleep(worker);
            }
        }
        board_.take_leave(worker, farewell::worn_out);
    }
    /// In the middle of the result, or, every other time, when it is committed and not announced.
    void die(std::uint32_t index) {
        task_slot& slot = board_.slot(index);
        std::uint64_t number = 0;
        std::memcpy(&number, slot.bytes.data(), sizeof number);
        const std::uint64_t answer = answer_to(number);
        std::memcpy(slot.bytes.data(), &answer, sizeof answer);
        if (++deaths_ % 2 == 0 || size_for(number) > task_slot::capacity) return;
        slot.result_size = size_for(number);
        slot.result_at = result_place::slot;
        slot.failed = 0;
        std::memcpy(slot.bytes.data() + slot.result_size - sizeof answer, &answer, sizeof answer);
        const slot_state state = state_of(index);
        slot.seal = result_record::of(slot).right_seal(state);
        static_cast<void>(board_.step(index, state, state.with(slot_phase::done)));
    }

    memory_of_board memory_;
    shared_arena arena_;
    const process_board board_;
    const bool deadly_;
    std::mutex mutex_;
    std::array<record, slots> records_;
    std::vector<std::uint32_t> free_;
    std::uint64_t tail_ = 0;
    std::uint64_t head_ = 0;
    std::array<std::thread, workers> crew_;
    std::array<std::atomic<bool>, workers> ended_{};
    std::atomic<bool> news_{false};
    std::atomic<bool> over_{false};
    std::atomic<int> deaths_{0};
    std::thread collector_;
};

void run_many(bool deadly) {
    const yoke_test::watchdog dog(deadly ? "threads as workers that die"
                                         : "threads as workers that wear out");
    constexpr std::uint64_t submitters = 3;
    constexpr std::uint64_t each = 3'000;
    small_pool pool(deadly);
    std::vector<std::thread> threads;
    for (std::uint64_t s = 0; s != submitters; ++s) {
        threads.emplace_back([&, s] {
            for (std::uint64_t i = 1; i <= each; ++i) pool.run(s * each + i, i % 2 == 0);
        });
    }
    for (std::thread& thread : threads) thread.join();
    while (pool.values + pool.lost + pool.cancelled + pool.wrong < submitters * each)
        std::this_thread::yield();
    CHECK(pool.wrong == 0);
    REQUIRE(pool.values + pool.lost + pool.cancelled == submitters * each);
    REQUIRE(pool.sound());
    REQUIRE(pool.rooms > 0);
    REQUIRE(pool.watched > 0);
    REQUIRE(pool.hired > workers);
    REQUIRE((pool.lost > 0) == deadly);
}

}  // namespace

TEST_CASE("threads as workers: every task has the right answer while workers wear out", "[concurrent]") {
    run_many(false);
}

TEST_CASE("threads as workers: what a worker dies with is lost or delivered, and its slots go on",
          "[concurrent]") {
    run_many(true);
}

TEST_CASE("a result goes over the bytes of its call if it fits them and they are not needed again") {
    shared_arena arena;
    memory_of_board memory;
    const process_board board(memory.bytes.get(), slots, workers);
    board.construct();
    const arena_block call(arena, 1'000);
    const arena_block ready(arena, 4'000);
    task_slot& slot = board.slot(0);
    slot.call_size = slot.block_size = 1'000;
    slot.block_offset = call.offset();
    slot.room_size = 4'000;
    slot.room_offset = ready.offset();
    for (const std::uint32_t keep : {0U, 1U}) {
        slot.keep_call = keep;
        worker_task task(board, arena, 0, 0);
        REQUIRE(task.room(task_slot::capacity).data() == slot.bytes.data());
        REQUIRE(slot.result_at == result_place::slot);
        REQUIRE(task.room(1'000).data() == arena.at(keep != 0 ? ready.offset() : call.offset()));
        REQUIRE(slot.result_at == (keep != 0 ? result_place::room : result_place::call_block));
        REQUIRE(task.room(1'001).data() == arena.at(ready.offset()));
        REQUIRE(slot.result_at == result_place::room);
    }
}

TEST_CASE("a worker notes when it began a task that has a limit, and only then") {
    const shared_arena arena;
    memory_of_board memory;
    const process_board board(memory.bytes.get(), slots, workers);
    board.construct();
    task_slot& slot = board.slot(0);
    slot.call_size = sizeof(std::uint64_t);
    slot.entry = compute;
    for (const std::uint32_t timed : {0U, 1U}) {
        slot.state = slot_state{7, 0, slot_phase::running}.word();
        slot.timed = timed;
        slot.bytes = {std::byte{1}};
        const std::int64_t before = monotonic_ns();
        worker_task(board, arena, 0, 0).run();
        REQUIRE(slot_state::of(slot.state).phase == slot_phase::done);
        if (timed == 0) {
            REQUIRE(slot.started == 0);
        } else {
            REQUIRE(slot.started >= before);
            REQUIRE(slot.started <= monotonic_ns());
        }
    }
}

TEST_CASE("a worker whose slot says what nobody writes ends, one whose task has expired awaits its signal") {
    const shared_arena arena;
    memory_of_board memory;
    const process_board board(memory.bytes.get(), slots, workers);
    board.construct();
    constexpr slot_state claimed{7, 0, slot_phase::running};
    /// How a worker ends whose slot says `found` when it commits, or when it asks for room.
    const auto end_of_worker = [&](slot_state found, bool asks) {
        std::fflush(nullptr);
        const pid_t child = ::fork();
        if (child == 0) {
            task_slot& slot = board.slot(0);
            slot.state = claimed.word();
            slot.call_size = sizeof(std::uint64_t);
            const std::uint64_t number = asks ? 7 : 1;
            std::memcpy(slot.bytes.data(), &number, sizeof number);
            slot.entry = compute;
            worker_task task(board, arena, 0, 0);
            slot.state = found.word();
            const bool expired = found.phase == slot_phase::expired && found.generation == claimed.generation;
            const itimerval patience{{}, {expired ? 0 : 30, expired ? 50'000 : 0}};
            ::signal(SIGALRM, SIG_DFL);  // not what says where a test hangs
            ::setitimer(ITIMER_REAL, &patience, nullptr);
            task.run();
            ::_exit(0);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        return status;
    };
    for (const bool asks : {false, true}) {
        for (const slot_state found :
             {slot_state{}, slot_state{8, 0, slot_phase::running}, slot_state{7, 1, slot_phase::running},
              slot_state{7, 0, slot_phase::done}, slot_state{8, 0, slot_phase::expired}}) {
            const int status = end_of_worker(found, asks);
            REQUIRE(WIFEXITED(status));
            REQUIRE(WEXITSTATUS(status) == 1);
        }
        const int status = end_of_worker(claimed.with(slot_phase::expired), asks);
        REQUIRE(WIFSIGNALED(status));
        REQUIRE(WTERMSIG(status) == SIGALRM);
    }
}

namespace {

thread_local char own_letter = 0;

void fail_to_begin(std::span<const std::byte>) {
    throw std::runtime_error(std::string(static_cast<std::size_t>(own_letter), own_letter));
}

}  // namespace

TEST_CASE("an initializer that fails in several workers at once leaves one error, and it is whole",
          "[concurrent]") {
    const shared_arena arena;
    memory_of_board memory;
    const process_board board(memory.bytes.get(), slots, workers);
    for (int round = 0; round != 100; ++round) {
        board.construct();
        board_header& header = board.header();
        std::atomic<int> begun{0};
        std::vector<std::thread> crew;
        for (char letter : {'a', 'b', 'c'}) {
            crew.emplace_back([&, letter] {
                own_letter = letter;
                worker_terms terms;
                terms.init = fail_to_begin;
                if (begin_work(header, terms, arena)) ++begun;
            });
        }
        // As the collector does, which hears of the first worker that leaves.
        while (header.init_failed.load(std::memory_order_acquire) != 2) std::this_thread::yield();
        std::string text;
        try {
            std::rethrow_exception(
                decode_exception(std::span(header.init_error).first(header.init_error_size), 1));
        } catch (const std::runtime_error& error) {
            text = error.what();
        }
        for (std::thread& thread : crew) thread.join();
        REQUIRE(begun == 0);
        REQUIRE(!text.empty());
        REQUIRE(text == std::string(static_cast<std::size_t>(text[0]), text[0]));
    }
}
