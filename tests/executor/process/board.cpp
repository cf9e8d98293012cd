// SPDX-License-Identifier: MIT
// labels: concurrent
//
// The protocol between pool and workers, with threads in the place of processes, so that the thread sanitizer sees it.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process/board.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <vector>

using namespace yoke::detail;

namespace {

constexpr std::uint32_t slots = 64;

class test_board {
public:
    explicit test_board(std::uint32_t workers)
        : memory_(static_cast<std::byte*>(
              ::operator new (process_board::bytes(slots, workers), std::align_val_t{64}))),
          view(memory_.get(), slots, workers) {
        view.construct();
    }

private:
    struct release {
        void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{64}); }
    };
    std::unique_ptr<std::byte, release> memory_;

public:
    process_board view;
};

/// The pool's side of sending: generation and position are its own.
class sender {
public:
    explicit sender(const process_board& board) : board_(board), generations_(slots) {}

    bool room() { return board_.has_ring_room(tail_, head_); }
    void send(std::uint32_t index) {
        const slot_state sent{++generations_[index], 0, slot_phase::sent};
        board_.slot(index).state.store(sent.word(), std::memory_order_release);
        board_.push(tail_++, index, sent.generation);
    }
    bool cancel(std::uint32_t index) {
        const slot_state sent{generations_[index], 0, slot_phase::sent};
        std::uint64_t expected = sent.word();
        return board_.slot(index).state.compare_exchange_strong(expected,
                                                                sent.with(slot_phase::empty).word());
    }
    std::uint64_t tail() const { return tail_; }

private:
    const process_board& board_;
    std::vector<std::uint32_t> generations_;
    std::uint64_t tail_ = 0;
    std::uint64_t head_ = 0;
};

/// A worker's side of claiming: what it knows of the ring's end is its own.
class claimer {
public:
    claimer(const process_board& board, std::uint16_t worker) : board_(board), worker_(worker) {}

    std::optional<std::uint32_t> claim() { return board_.claim(worker_, tail_); }

private:
    const process_board& board_;
    std::uint16_t worker_;
    std::uint64_t tail_ = 0;
};

void finish(const process_board& board, std::uint32_t index) {
    auto& state = board.slot(index).state;
    state.store(slot_state::of(state.load()).with(slot_phase::done).word(), std::memory_order_seq_cst);
    board.set_done(index);
    board.call_collector();
}

}  // namespace

TEST_CASE("a result's seal is right for its task, its worker and its words only") {
    const slot_state done{7, 3, slot_phase::done};
    result_record record{100, result_place::slot, 0, 0};
    record.seal = record.right_seal(done);
    REQUIRE(record.sound(done));
    REQUIRE_FALSE(record.sound({8, 3, slot_phase::done}));  // the slot's next task
    REQUIRE_FALSE(record.sound({6, 3, slot_phase::done}));
    REQUIRE_FALSE(record.sound({7, 4, slot_phase::done}));
    for (int word = 0; word != 4; ++word) {
        result_record other = record;
        if (word == 0) ++other.size;
        if (word == 1) other.at = result_place::room;
        if (word == 2) other.failed = 1;
        if (word == 3) other.seal ^= 1;
        REQUIRE_FALSE(other.sound(done));
    }
}

TEST_CASE("a state word says generation, worker and phase") {
    const slot_state state{0xfedcba98, 0xabcd, slot_phase::expired};
    const slot_state back = slot_state::of(state.word());
    REQUIRE(back.generation == state.generation);
    REQUIRE(back.worker == state.worker);
    REQUIRE(back.phase == state.phase);
    REQUIRE(slot_state{1, 2, slot_phase::wants_room}.in_hand());
    REQUIRE_FALSE(slot_state{1, 2, slot_phase::done}.in_hand());
}

TEST_CASE("a slot can be watched while its task is sent or in hand, and is left alone at other times") {
    const test_board board(1);
    auto& word = board.view.slot(0).state;
    for (const slot_phase phase :
         {slot_phase::empty, slot_phase::sent, slot_phase::running, slot_phase::wants_room,
          slot_phase::has_room, slot_phase::no_room, slot_phase::done, slot_phase::expired}) {
        const slot_state state{7, 0, phase};
        word = state.word();
        REQUIRE(board.view.watch(0) == state.under_way());
        REQUIRE(slot_state::of(word).watched == state.under_way());
        REQUIRE(slot_state::of(word).phase == phase);
    }
}

TEST_CASE("tasks are claimed once, in the order in which they were sent") {
    test_board board(2);
    sender out(board.view);
    claimer first(board.view, 0);
    claimer second(board.view, 1);
    REQUIRE_FALSE(first.claim());
    for (const std::uint32_t index : {5u, 3u, 9u}) out.send(index);
    REQUIRE(second.claim() == 5u);
    REQUIRE(slot_state::of(board.view.slot(5).state.load()).worker == 1);
    REQUIRE(first.claim() == 3u);
    REQUIRE(second.claim() == 9u);
    REQUIRE_FALSE(second.claim());
}

TEST_CASE("a worker whose view of the ring's end is old claims what came later, and nothing twice") {
    test_board board(2);
    sender out(board.view);
    claimer old(board.view, 0);
    claimer other(board.view, 1);
    out.send(1);
    out.send(2);
    REQUIRE(old.claim() == 1u);  // and has seen that there are two
    REQUIRE(other.claim() == 2u);
    REQUIRE_FALSE(old.claim());
    out.send(3);
    out.send(4);
    REQUIRE(other.claim() == 3u);  // the head is now beyond what the first has seen
    REQUIRE(old.claim() == 4u);
    REQUIRE_FALSE(old.claim());
    REQUIRE_FALSE(other.claim());
}

TEST_CASE("cancelled tasks are passed over, and their slots can be sent again at once") {
    test_board board(1);
    sender out(board.view);
    out.send(1);
    out.send(2);
    REQUIRE(out.cancel(1));
    REQUIRE_FALSE(out.cancel(1));
    out.send(1);  // its old entry is still at the head
    claimer worker(board.view, 0);
    REQUIRE(worker.claim() == 2u);
    REQUIRE(worker.claim() == 1u);
    REQUIRE_FALSE(worker.claim());
    REQUIRE_FALSE(out.cancel(2));
}

TEST_CASE("a ring full of cancelled entries makes room, one with a waiting task at its head does not") {
    test_board board(1);
    sender out(board.view);
    for (std::uint32_t i = 0; i < 10 * slots; ++i) {
        REQUIRE(out.room());
        out.send(i % slots);
        REQUIRE(out.cancel(i % slots));
    }
    REQUIRE(out.room());
    out.send(0);
    std::uint32_t sent = 0;
    while (out.room()) {
        out.send(1);
        REQUIRE(out.cancel(1));
        ++sent;
    }
    REQUIRE(sent == 2 * slots - 1);
    REQUIRE(claimer(board.view, 0).claim() == 0u);
    REQUIRE(out.room());
}

TEST_CASE("an entry whose worker died before it moved the head is passed by the next") {
    test_board board(2);
    sender out(board.view);
    out.send(4);
    out.send(6);
    // Claimed, and no more.
    auto& state = board.view.slot(4).state;
    state.store(slot_state{slot_state::of(state.load()).generation, 0, slot_phase::running}.word());
    REQUIRE(claimer(board.view, 1).claim() == 6u);
}

TEST_CASE("counters that cannot be are noticed") {
    test_board board(1);
    sender out(board.view);
    for (std::uint32_t i = 0; i < 2 * slots; ++i) out.send(0);
    REQUIRE(board.view.ring_sound(out.tail()));
    board.view.header().head = out.tail() + 7;
    REQUIRE_FALSE(board.view.ring_sound(out.tail()));
    REQUIRE_FALSE(out.room());
    board.view.header().head = 0;
    board.view.header().tail = 12345;
    REQUIRE_FALSE(board.view.ring_sound(out.tail()));
}

TEST_CASE("wakes go to one sleeper each, and to none that does not exist") {
    test_board board(3);
    REQUIRE_FALSE(board.view.wake_one());
    std::atomic<int> awake{0};
    std::vector<std::thread> sleepers;
    for (std::uint32_t w = 0; w < 3; ++w)
        sleepers.emplace_back([&, w] {
            board.view.sleep(w);
            ++awake;
        });
    for (int woken = 0; woken < 3; ++woken) {
        while (!board.view.wake_one()) std::this_thread::yield();
    }
    for (auto& s : sleepers) s.join();
    REQUIRE(awake == 3);
}

TEST_CASE("only so many workers search at a time, and the dead and the forgotten do not") {
    test_board board(70);
    REQUIRE(board.view.begin_search(69, 2));
    REQUIRE(board.view.begin_search(3, 2));
    REQUIRE_FALSE(board.view.begin_search(4, 2));
    REQUIRE(board.view.searchers() == 2);
    board.view.end_search(3);
    REQUIRE(board.view.searchers() == 1);
    board.view.clear_desk(69);
    REQUIRE(board.view.searchers() == 0);
    REQUIRE(board.view.begin_search(4, 1));
    board.view.forget_searchers();
    REQUIRE(board.view.searchers() == 0);
}

TEST_CASE("who got a task wakes a sleeper for the next one, unless another searches or the collector tends") {
    test_board board(2);
    sender out(board.view);
    std::atomic<bool> awake{false};
    std::thread sleeper([&] {
        board.view.sleep(1);
        awake = true;
    });
    while (board.view.sleepers() == 0) std::this_thread::yield();
    board.view.pass_on();
    REQUIRE(board.view.sleepers() == 1);  // there is nothing to do
    out.send(0);
    REQUIRE(board.view.begin_search(0, 1));
    board.view.pass_on();
    REQUIRE(board.view.sleepers() == 1);
    board.view.end_search(0);
    board.view.header().tended = 1;
    board.view.pass_on();
    REQUIRE(board.view.sleepers() == 1);
    board.view.header().tended = 0;
    REQUIRE_FALSE(awake);
    board.view.pass_on();
    sleeper.join();
    REQUIRE(board.view.sleepers() == 0);
}

TEST_CASE("threads as workers: every task runs once, none is slept through", "[concurrent]") {
    const yoke_test::watchdog dog("threads as workers");
    constexpr std::uint32_t workers = 3;
    constexpr std::uint64_t tasks = 20'000;
    test_board board(workers);
    std::vector<std::uint64_t> payload(slots);  // plain memory: the protocol has to order it
    std::atomic<std::uint64_t> sum{0};

    std::vector<std::thread> crew;
    for (std::uint32_t w = 0; w < workers; ++w) {
        crew.emplace_back([&, w] {
            claimer worker(board.view, static_cast<std::uint16_t>(w));
            for (;;) {
                if (const auto index = worker.claim()) {
                    board.view.pass_on();
                    sum += payload[*index];
                    payload[*index] = 0;
                    finish(board.view, *index);
                } else if (board.view.header().stop.load() != 0) {
                    return;
                } else {
                    board.view.sleep(w);
                }
            }
        });
    }

    sender out(board.view);
    std::vector<std::uint32_t> free;
    for (std::uint32_t i = 0; i < slots; ++i) free.push_back(i);
    std::uint64_t sent = 0;
    std::uint64_t expected = 0;
    std::uint64_t back = 0;
    std::uint64_t cancelled = 0;
    while (back + cancelled != tasks) {
        while (sent != tasks && !free.empty() && out.room()) {
            const std::uint32_t index = free.back();
            free.pop_back();
            payload[index] = ++sent;
            out.send(index);
            if (sent % 7 == 0 && out.cancel(index)) {
                ++cancelled;
                free.push_back(index);
                continue;
            }
            expected += sent;
            board.view.wake_one();
        }
        bool any = false;
        for (std::uint32_t word = 0; word < board.view.done_words(); ++word) {
            for (std::uint64_t bits = board.view.take_done(word); bits != 0; bits &= bits - 1) {
                any = true;
                ++back;
                free.push_back(word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
            }
        }
        if (any || back + cancelled == tasks) continue;
        auto& asleep = board.view.header().collector;
        asleep.store(1, std::memory_order_seq_cst);
        if (!board.view.any_done()) futex_wait(asleep, 1);
        asleep.store(0, std::memory_order_seq_cst);
    }
    board.view.header().stop = 1;
    for (std::uint32_t w = 0; w < board.view.worker_count(); ++w) board.view.wake(w);
    for (auto& w : crew) w.join();
    REQUIRE(sum == expected);
    REQUIRE(board.view.ring_sound(out.tail()));
}

TEST_CASE("a sleeper that was chosen never takes its time-out for a reason to leave", "[concurrent]") {
    const yoke_test::watchdog dog("time-outs and wakes at once");
    test_board board(1);
    std::atomic<bool> over{false};
    std::atomic<int> told{0};  // sleeps that ended with a wake
    std::thread worker([&] {
        while (!over) {
            // A time at which wakes come, too.
            if (board.view.sleep(0, monotonic_ns() + 20'000)) ++told;
        }
    });
    int chosen = 0;
    while (chosen < 500) {
        const int before = told;
        if (!board.view.wake_one()) continue;
        ++chosen;
        while (told == before) std::this_thread::yield();
    }
    over = true;
    worker.join();
    REQUIRE(told >= chosen);
}

TEST_CASE("of a result and a deadline that come at once one has the task, and who waits hears of either",
          "[concurrent]") {
    const yoke_test::watchdog dog("results against deadlines");
    constexpr std::uint32_t rounds = 2000;
    test_board board(1);
    sender out(board.view);
    claimer worker(board.view, 0);
    std::atomic<std::uint32_t> round{0};
    std::atomic<std::uint32_t> at_start{0};
    std::atomic<std::uint32_t> settled{0};
    std::uint32_t content = 0;  // of the result; as plain as the bytes of a slot
    // Each side takes the task from `running` to a phase of its own, if the other has not.
    const auto race = [&](slot_phase to, std::atomic<std::uint32_t>& won) {
        for (std::uint32_t now = 1; now <= rounds; ++now) {
            for (std::uint32_t seen = round; seen < now; seen = round) round.wait(seen);
            if (to == slot_phase::done) content = now;
            // Side by side, as near as it gets.
            for (++at_start; at_start < 2 * now;) std::this_thread::yield();
            const slot_state running{now, 0, slot_phase::running};
            const auto before = board.view.step(0, running, running.with(to));
            if (before) ++won;
            if (before && before->watched) board.view.wake_watchers(0);
            ++settled;
            settled.notify_all();
        }
    };
    std::atomic<std::uint32_t> results{0};
    std::atomic<std::uint32_t> expiries{0};
    std::thread at_work([&] { race(slot_phase::done, results); });
    std::thread clock([&] { race(slot_phase::expired, expiries); });
    bool right = true;
    for (std::uint32_t now = 1; now <= rounds; ++now) {
        out.send(0);
        right = worker.claim() == 0u && right;
        round = now;
        round.notify_all();
        if (board.view.watch(0)) {
            board.view.look_on(0);
            board.view.await_done(0);
        }
        const slot_state after = slot_state::of(board.view.slot(0).state.load(std::memory_order_acquire));
        right = right && !after.under_way() && after.generation == now;
        if (after.phase == slot_phase::done) right = right && content == now;
        for (std::uint32_t seen = settled; seen < 2 * now; seen = settled) settled.wait(seen);
    }
    at_work.join();
    clock.join();
    REQUIRE(right);
    REQUIRE(results + expiries == rounds);
}

TEST_CASE("a worker is let go in its sleep or before it, and leaves a clean desk to the next") {
    const yoke_test::watchdog dog("leaving");
    test_board board(2);
    std::thread worker([&] {
        while (board.view.desk(1).leave == 0) board.view.sleep(1);
        board.view.take_leave(1, farewell::asked);
    });
    board.view.desk(1).leave.store(1, std::memory_order_seq_cst);
    board.view.wake(1);
    worker.join();
    REQUIRE(board.view.desk(1).left == farewell::asked);
    board.view.clear_desk(1);
    REQUIRE(board.view.desk(1).leave == 0);
    REQUIRE(board.view.desk(1).left == farewell::none);
    REQUIRE_FALSE(board.view.wake_one());
}

TEST_CASE("what workers print is taken once, and no worker goes on before that", "[concurrent]") {
    const yoke_test::watchdog dog("output is handed over");
    constexpr std::uint32_t workers = 3;
    constexpr int rounds = 2'000;
    test_board board(workers);
    std::vector<int> printed(workers);  // plain memory, as the text is: the protocol has to order it
    std::vector<int> taken(workers);
    std::atomic<int> wrong{0};
    std::atomic<bool> over{false};
    std::thread collector([&] {
        board_header& header = board.view.header();
        while (!over) {
            if (header.printed.exchange(0, std::memory_order_seq_cst) == 0) {
                header.collector.store(1, std::memory_order_seq_cst);
                if (header.printed.load(std::memory_order_seq_cst) == 0 && !over)
                    futex_wait(header.collector, 1);
                header.collector.store(0, std::memory_order_seq_cst);
                continue;
            }
            for (std::uint32_t w = 0; w != workers; ++w) {
                if (!board.view.begin_output(w)) continue;
                if (board.view.desk(w).printed_by != w || printed[w] != taken[w] + 1) ++wrong;
                taken[w] = printed[w];
                board.view.end_output(w);
            }
        }
    });
    std::vector<std::thread> crew;
    for (std::uint32_t w = 0; w != workers; ++w) {
        crew.emplace_back([&, w] {
            for (int round = 1; round <= rounds; ++round) {
                printed[w] = round;
                board.view.hand_over_output(w, w);
                if (taken[w] != round) ++wrong;
            }
        });
    }
    for (auto& w : crew) w.join();
    over = true;
    board.view.call_collector_surely();
    collector.join();
    REQUIRE(wrong == 0);
}
