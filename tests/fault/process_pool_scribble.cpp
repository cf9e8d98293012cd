// SPDX-License-Identifier: MIT
// labels: process
//
// Tasks that scribble over the memory that the pool shares with its workers: row A14 of the list of faults. The pool may
// be spoilt by it and says so, or it loses tasks; the program reads nothing that is not its own, waits for nothing that
// never comes, and every task settles once.
#include "catch.hpp"

#include "support/process_watch.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/queue/shared_queue.hpp>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using namespace yoke::detail;

namespace {

constexpr std::uint32_t workers = 2;
constexpr std::uint32_t slots = 256;

struct shared_board {
    std::atomic<int> gate{0};
    std::atomic<int> blocked{0};
};
shared_board& board = yoke_test::make_shared_object<shared_board>();

/// Where the board of the pool that was made last is. In worker and program at the same address.
board_header* find_board() {
    const shared_arena* const arena = process_host::instance().find_arena();
    for (std::uint64_t offset = 0; offset < std::uint64_t{8} << 20; offset += shared_arena::page) {
        auto* const header = reinterpret_cast<board_header*>(arena->at(offset));
        if (header->magic == board_header::magic_number && header->slots == slots &&
            header->workers == workers)
            return header;
    }
    return nullptr;
}
/// A pool to scribble in; its board is the only one that find_board() can find.
class marked_pool {
public:
    explicit marked_pool(const yoke::process_pool_options& options = {.workers = workers,
                                                                      .max_workers = workers}) {
        const yoke::runtime started;
        while (board_header* const old = find_board()) old->magic = 0;
        pool_.emplace(options);
    }
    yoke::process_pool& operator*() { return *pool_; }
    yoke::process_pool* operator->() { return &*pool_; }

private:
    std::optional<yoke::process_pool> pool_;
};
process_board board_at(board_header* header) {
    return process_board(reinterpret_cast<std::byte*>(header), slots, workers);
}

/// Writes nonsense somewhere into the board, as a task with a wild pointer would, and dies of it.
void scribble(std::uint32_t seed) {
    auto* const header = find_board();
    if (header == nullptr) return;
    const std::span<std::byte> all(reinterpret_cast<std::byte*>(header),
                                   process_board::bytes(slots, workers));
    std::mt19937 random(seed);
    // Slots are the most of it by far; half of the rounds are about the rest.
    const std::size_t slots_begin = sizeof(board_header);
    const std::size_t slots_end = slots_begin + sizeof(task_slot) * slots;
    const auto place = [&]() -> std::size_t {
        switch (random() % 4) {
        case 0: return random() % slots_begin;
        case 1: return slots_end + random() % (all.size() - slots_end);
        default: return slots_begin + random() % (slots_end - slots_begin);
        }
    };
    const auto manner = random() % 4;
    for (auto times = 1 + random() % 200; times != 0; --times) {
        const std::size_t at = place() / 8 * 8;
        const std::size_t most = std::min<std::size_t>(all.size() - at, 8 + random() % 2000);
        switch (manner) {
        case 0: {
            const std::uint64_t word = std::uint64_t{random()} << 32 | random();
            std::memcpy(&all[at], &word, 8);
            break;
        }
        case 1: std::memset(&all[at], 0, most); break;
        case 2: std::memset(&all[at], static_cast<int>(random()), most); break;
        default: {  // another slot's words, which look right
            const std::size_t from = slots_begin + random() % slots * sizeof(task_slot);
            const std::size_t to = slots_begin + random() % slots * sizeof(task_slot);
            std::memmove(&all[to], &all[from], 8 + random() % 80);
        }
        }
    }
    ::raise(SIGKILL);
}

int same(int x) { return x; }
std::string long_text(std::size_t size) { return std::string(size, 'x'); }
/// Its result fits where its argument was, so that the collector is not needed for it.
std::string echo(std::string text) { return text; }

/// Counts how often each task settles.
class ledger {
public:
    explicit ledger(std::size_t tasks) : settled_(tasks) {}
    struct receiver {
        std::atomic<int>* count;
        template <class... Values>
        void set_value(Values&&...) noexcept {
            ++*count;
        }
        void set_error(const std::exception_ptr&) noexcept { ++*count; }
        void set_stopped() noexcept { ++*count; }
        [[nodiscard]] const yoke::task_options& options() const noexcept { return wishes; }
        /// A worker believes what its slot says, so it may write over its own memory and never come back.
        yoke::task_options wishes{.timeout = 1s};
    };
    receiver of(std::size_t task) { return {.count = &settled_[task]}; }
    [[nodiscard]] bool each_once(std::size_t tasks) const {
        return std::all_of(settled_.begin(), settled_.begin() + static_cast<std::ptrdiff_t>(tasks),
                           [](const auto& n) { return n == 1; });
    }

private:
    std::vector<std::atomic<int>> settled_;
};

/// Keeps the collector busy until the test opens the gate, so that nothing is brought home before.
struct blocking_receiver {
    void set_value() noexcept {
        board.blocked = 1;
        while (board.gate == 0) std::this_thread::yield();
    }
    void set_error(const std::exception_ptr&) noexcept {}
    void set_stopped() noexcept {}
};

void block_collector(yoke::process_pool& pool) {
    board.gate = 0;
    board.blocked = 0;
    pool.execute(blocking_receiver(), [] {});
    while (board.blocked == 0) std::this_thread::yield();
}
/// Waits for a slot with a committed result of so many bytes.
std::uint32_t await_result(const process_board& view, std::size_t bytes) {
    for (;;)
        for (std::uint32_t i = 0; i < slots; ++i)
            if (slot_state::of(view.slot(i).state.load()).phase == slot_phase::done &&
                view.slot(i).result_size == bytes)
                return i;
}

/// A value whose decoding is the moment in which something else writes over its slot.
struct overtaken {
    std::size_t size = 0;
};
bool overtake = false;

}  // namespace

template <>
struct yoke::codec<overtaken> {
    static void encode(wire_writer& out, const overtaken& value) {
        yoke::encode(out, std::string(value.size, 'o'));
    }
    static overtaken decode(wire_reader& in) {
        const overtaken value{yoke::decode<std::string>(in).size()};
        if (overtake) {
            const process_board view = board_at(find_board());
            view.slot(await_result(view, value.size + 8)).state.fetch_xor(std::uint64_t{1} << 40);
        }
        return value;
    }
};

namespace {

/// Rounds of a pool each, with a task that scribbles among others.
void scribbling_rounds(std::uint32_t from, std::uint32_t to) {
    const yoke_test::watchdog dog("A14", 55s);
    for (std::uint32_t round = from; round < to; ++round) {
        constexpr std::size_t tasks = 60;
        ledger outcomes(tasks);
        std::size_t accepted = 0;
        {
            marked_pool pool;
            pool->submit(same, 0).get();
            REQUIRE(find_board() != nullptr);
            try {
                for (; accepted < tasks; ++accepted) {
                    if (accepted == 20)
                        pool->execute(outcomes.of(accepted), scribble, round);
                    else if (accepted % 3 == 0)
                        pool->execute(outcomes.of(accepted), long_text, std::size_t{5000});
                    else
                        pool->execute(outcomes.of(accepted), same, 1);
                }
            } catch (const yoke::broken_pool&) {}
            pool->wait();
        }
        REQUIRE(outcomes.each_once(accepted));
    }
    // Whatever became of those pools, the program makes new ones.
    yoke::process_pool pool(1);
    REQUIRE(pool.submit(same, 7).get() == 7);
}

}  // namespace

// A hundred rounds, in parts: a second passes now and then until somebody looks around.
TEST_CASE("a worker that scribbles over the board and dies spoils its pool at most, rounds 0 to 24",
          "[process]") {
    scribbling_rounds(0, 25);
}
TEST_CASE("a worker that scribbles over the board and dies spoils its pool at most, rounds 25 to 49",
          "[process]") {
    scribbling_rounds(25, 50);
}
TEST_CASE("a worker that scribbles over the board and dies spoils its pool at most, rounds 50 to 74",
          "[process]") {
    scribbling_rounds(50, 75);
}
TEST_CASE("a worker that scribbles over the board and dies spoils its pool at most, rounds 75 to 99",
          "[process]") {
    scribbling_rounds(75, 100);
}

TEST_CASE("a result whose record is changed after the commit is refused, wherever it lies", "[process]") {
    const yoke_test::watchdog dog("a record changed after the commit");
    for (const std::size_t size : {std::size_t{10}, std::size_t{5000}}) {
        for (int word = 0; word < 4; ++word) {
            marked_pool pool;
            const process_board view = board_at(find_board());
            block_collector(*pool);
            auto victim = pool->submit(echo, std::string(size, 'e'));
            task_slot& slot = view.slot(await_result(view, size + 8));
            switch (word) {
            case 0: slot.result_size -= 1; break;
            case 1:
                slot.result_at =
                    slot.result_at == result_place::slot ? result_place::call_block : result_place::slot;
                break;
            case 2: slot.failed ^= 1; break;
            default: slot.seal ^= 1;
            }
            board.gate = 1;
            REQUIRE_THROWS_AS(victim.get(), yoke::decode_error);
            REQUIRE(pool->submit(same, 3).get() == 3);
        }
    }
}

TEST_CASE("a record that is sealed and claims more than its place has is refused", "[process]") {
    const yoke_test::watchdog dog("a result that is too large");
    struct place {
        std::size_t argument;  ///< and about the result
        result_place at;
    };
    // An echo lies where its call was.
    for (const place& p : {place{10, result_place::slot}, place{5000, result_place::call_block},
                           place{10, result_place::room}}) {
        for (const std::uint64_t more :
             {std::uint64_t{1}, std::uint64_t{1} << 20, std::uint64_t{1} << 40, ~std::uint64_t{0} - 10'000}) {
            marked_pool pool;
            const process_board view = board_at(find_board());
            block_collector(*pool);
            auto victim = pool->submit(echo, std::string(p.argument, 'e'));
            const std::uint32_t index = await_result(view, p.argument + 8);
            task_slot& slot = view.slot(index);
            slot.result_at = p.at;
            const std::uint64_t bytes = p.at == result_place::slot         ? task_slot::capacity
                                        : p.at == result_place::call_block ? slot.block_size
                                                                           : 0;
            slot.result_size = bytes + more;
            slot.seal = result_record::of(slot).right_seal(slot_state::of(slot.state.load()));
            board.gate = 1;
            try {
                static_cast<void>(victim.get());
                FAIL("what is not there cannot be read");
            } catch (const yoke::decode_error& refused) {
                REQUIRE_THAT(refused.what(), Catch::Matchers::ContainsSubstring(std::to_string(bytes)));
            }
            REQUIRE(pool->submit(same, 3).get() == 3);
        }
    }
}

TEST_CASE("a slot that is overwritten while its result is read from a block is noticed", "[process]") {
    const yoke_test::watchdog dog("a slot overwritten while its result is read");
    marked_pool pool;
    const std::size_t size = 5000;
    const auto make = [](std::size_t n) { return overtaken{n}; };
    overtake = false;
    REQUIRE(pool->submit(make, size).get().size == size);
    overtake = true;
    // Another size, as the slot of the first still says what it said.
    REQUIRE_THROWS_AS(pool->submit(make, size + 1).get(), yoke::decode_error);
    REQUIRE(pool->submit(same, 3).get() == 3);
}

TEST_CASE("states that nobody writes, marks wiped out and wild counters are found by looking around",
          "[process]") {
    const yoke_test::watchdog dog("states that nobody writes");
    SECTION("the state of a running task") {
        board.gate = 0;
        marked_pool pool;
        pool->submit(same, 0).get();
        auto running = pool->submit([] {
            while (board.gate == 0) std::this_thread::yield();
        });
        const process_board view = board_at(find_board());
        for (bool found = false; !found;)
            for (std::uint32_t i = 0; i < slots; ++i)
                if (slot_state::of(view.slot(i).state.load()).phase == slot_phase::running) {
                    view.slot(i).state = 0;
                    found = true;
                }
        // Its worker cannot commit any more, and leaves.
        board.gate = 1;
        REQUIRE_THROWS_AS(running.get(), yoke::worker_lost);
    }
    SECTION("the mark of a finished task") {
        marked_pool pool;
        const process_board view = board_at(find_board());
        block_collector(*pool);
        auto finished = pool->submit(long_text, std::size_t{77});
        while (!view.any_done()) std::this_thread::yield();
        for (std::uint32_t word = 0; word < view.done_words(); ++word)
            static_cast<void>(view.take_done(word));
        board.gate = 1;
        pool->wait();  // unlike get(), which would look for itself
        REQUIRE(finished.get().size() == 77);
    }
    SECTION("the ring's counters") {
        marked_pool pool;
        pool->submit(same, 0).get();
        find_board()->head = std::uint64_t{1} << 40;
        auto waiting = pool->submit(same, 1);
        REQUIRE_THROWS_AS(waiting.get(), yoke::broken_pool);
    }
}

namespace {

/// Writes over the desks of all workers, its own included, and goes on.
int scribble_over_desks(int word, std::uint32_t value, bool prints) {
    const process_board view = board_at(find_board());
    for (std::uint32_t w = 0; w < workers; ++w) {
        worker_desk& desk = view.desk(w);
        switch (word) {
        case 0: desk.wake = value; break;
        case 1: desk.answer = value; break;
        case 2: desk.leave = value; break;
        case 3: desk.left = static_cast<farewell>(value); break;
        case 4: desk.printed = value; break;
        case 5: desk.printed_by = value; break;
        default: std::memset(static_cast<void*>(&desk), static_cast<int>(value), sizeof desk);
        }
    }
    if (prints) std::printf("printed\n");
    return word;
}

}  // namespace

TEST_CASE("a task that scribbles over the desks of the workers holds none of them up", "[process]") {
    const yoke_test::watchdog dog("wild desks", 40s);
    const auto output = GENERATE(yoke::worker_output::inherit, yoke::worker_output::capture);
    marked_pool pool({.workers = workers, .max_workers = workers, .output = output});
    for (int word = 0; word < 7; ++word) {
        for (const std::uint32_t value : {0u, 1u, 2u, 3u, 0x5a5a5a5au, ~0u}) {
            const bool prints = output == yoke::worker_output::capture && word % 2 == 0;
            // Among tasks with results of every kind, which wait at their desks for answers.
            std::vector<yoke::future<int>> small;
            std::vector<yoke::future<std::string>> large;
            for (int i = 0; i < 4; ++i) {
                large.push_back(pool->submit(long_text, std::size_t{5000}));
                small.push_back(pool->submit(scribble_over_desks, word, value, prints));
            }
            for (int i = 0; i < 4; ++i) {
                REQUIRE(small[static_cast<std::size_t>(i)].get() == word);
                REQUIRE(large[static_cast<std::size_t>(i)].get().size() == 5000);
            }
        }
    }
}

TEST_CASE("a worker that replaces another believes nothing that lies on the board about the pool",
          "[process]") {
    const yoke_test::watchdog dog("a wild header");
    marked_pool pool;
    pool->submit(same, 0).get();
    board_header* const header = find_board();
    // All that a worker does not change.
    std::memset(static_cast<void*>(header), 0xa5, offsetof(board_header, head));
    for (int i = 0; i < 4; ++i) {
        REQUIRE_THROWS_AS(pool->submit([] { ::raise(SIGKILL); }).get(), yoke::worker_lost);
        REQUIRE(pool->submit(same, i).get() == i);
    }
    ::new (static_cast<void*>(&header->magic)) std::uint64_t{0};
}

TEST_CASE("a shared queue whose header was overwritten does not lead its owner out of it", "[process]") {
    yoke::shared_queue<std::string> queue(4, 100);
    const auto handle = yoke::encoded(queue.handle());
    std::uint64_t offset = 0;
    std::memcpy(&offset, handle.data(), sizeof offset);
    // Magic, capacity, bytes of an item.
    auto* const words = reinterpret_cast<std::uint64_t*>(process_host::instance().arena().at(offset));
    REQUIRE(words[1] == 4);
    REQUIRE(words[2] == 100);
    words[1] = 0;
    words[2] = std::uint64_t{1} << 50;
    for (int i = 0; i < 4; ++i) REQUIRE(queue.push("item " + std::to_string(i)));
    REQUIRE_FALSE(queue.try_push("one too many"));
    REQUIRE_THROWS_AS(queue.push(std::string(200, 'x')), yoke::message_too_large);
    for (int i = 0; i < 4; ++i) REQUIRE(queue.pop() == "item " + std::to_string(i));
    REQUIRE_THROWS_AS(yoke::decode_all<yoke::shared_queue_handle<std::string>>(handle), yoke::decode_error);
    words[1] = 4;
    words[2] = 100;
    REQUIRE(yoke::decode_all<yoke::shared_queue_handle<std::string>>(handle).capacity() == 4);
}
