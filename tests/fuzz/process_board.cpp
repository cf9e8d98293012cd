// SPDX-License-Identifier: MIT
//
// The board of a process pool, as a worker may have left it: the program's side stays within its memory and comes to
// an end. The input is laid over the memory of a board of its own size, so that the sanitizer sees one byte too many.
#include "fuzz.hpp"

#include <yoke/executor/process/board.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

namespace {

using namespace yoke::detail;
using yoke_fuzz::check;

constexpr std::uint32_t slots = 64;
constexpr std::uint32_t workers = 3;

struct release {
    void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{64}); }
};
std::unique_ptr<std::byte, release> make_memory() {
    return std::unique_ptr<std::byte, release>(
        static_cast<std::byte*>(::operator new (process_board::bytes(slots, workers), std::align_val_t{64})));
}

/// What the collector does with a slot whose worker says that it is done.
void read_result(const process_board& board, std::uint32_t index) {
    const slot_state state = slot_state::of(board.slot(index).state.load());
    const result_record record = result_record::of(board.slot(index));
    if (!record.sound(state)) return;
    check(record.at <= result_place::room && record.failed <= 1, "a sound record with a word that is none");
    check(record.seal == record.right_seal(state), "a sound record with a wrong seal");
}

}  // namespace

/// Eight bytes of what the program believes it has pushed, then pieces: two bytes of where, one of how long, the bytes.
void yoke_fuzz::run(std::span<const std::byte> input) {
    static const auto memory = make_memory();
    const std::span<std::byte> all(memory.get(), process_board::bytes(slots, workers));
    std::fill(all.begin(), all.end(), std::byte{0});
    const process_board board(memory.get(), slots, workers);
    board.construct();

    std::uint64_t tail = 0;
    std::memcpy(&tail, input.data(), std::min(input.size(), sizeof tail));
    input = input.subspan(std::min(input.size(), sizeof tail));
    while (input.size() > 3) {
        const std::size_t at =
            (static_cast<std::size_t>(input[0]) << 8 | static_cast<std::size_t>(input[1])) * 8 % all.size();
        const std::size_t size =
            std::min({static_cast<std::size_t>(input[2]), input.size() - 3, all.size() - at});
        std::copy_n(input.begin() + 3, size, all.begin() + static_cast<std::ptrdiff_t>(at));
        input = input.subspan(3 + size);
    }

    std::uint64_t head = tail - 2 * slots;  // a view from which there is no room: it looks
    if (board.has_ring_room(tail, head) && board.ring_sound(tail)) board.push(tail, slots - 1, 1);
    std::uint64_t end = 0;
    for (std::uint32_t i = 0; board.claim(1, end); ++i) check(i <= 2 * slots, "more tasks than entries");
    static_cast<void>(board.ring_empty());
    for (std::uint32_t word = 0; word < board.done_words(); ++word)
        for (std::uint64_t bits = board.take_done(word); bits != 0; bits &= bits - 1)
            read_result(board, word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
    check(!board.any_done(), "bits were left");
    for (std::uint32_t i = 0; i < slots; ++i) read_result(board, i);
    for (std::uint32_t i = 0; i <= 2 * workers && board.wake_one(); ++i)
        check(i < workers, "more workers were woken than there are");
    for (std::uint32_t worker = 0; worker < workers; ++worker) {
        board.wake(worker);
        board.clear_desk(worker);
    }
    board.call_collector();
    board.call_collector_surely();
}

std::vector<std::vector<std::byte>> yoke_fuzz::seeds() {
    const auto memory = make_memory();
    const process_board board(memory.get(), slots, workers);
    board.construct();
    // A task that was pushed, claimed and done, and its record.
    task_slot& slot = board.slot(5);
    const slot_state sent{1, 0, slot_phase::sent};
    slot.state = sent.word();
    board.push(0, 5, 1);
    std::uint64_t end = 0;
    check(board.claim(2, end) == 5u, "the only task was not claimed");
    const slot_state running = slot_state::of(slot.state.load());
    slot.result_size = 8;
    slot.seal = result_record::of(slot).right_seal(running);
    slot.state = running.with(slot_phase::done).word();
    board.set_done(5);

    const std::span<const std::byte> all(memory.get(), process_board::bytes(slots, workers));
    const auto piece = [&](std::vector<std::byte>& to, std::size_t at, std::size_t size) {
        to.push_back(static_cast<std::byte>(at / 8 >> 8));
        to.push_back(static_cast<std::byte>(at / 8));
        to.push_back(static_cast<std::byte>(size));
        const auto from = all.begin() + static_cast<std::ptrdiff_t>(at);
        to.insert(to.end(), from, from + static_cast<std::ptrdiff_t>(size));
    };
    const auto offset = [&](const void* of) {
        return static_cast<std::size_t>(static_cast<const std::byte*>(of) - all.data());
    };
    std::vector<std::byte> whole(8);
    whole[0] = std::byte{1};
    piece(whole, offset(&board.header().head), 8);
    piece(whole, offset(&board.header().tail), 8);
    piece(whole, offset(&slot), 96);
    std::vector<std::byte> ends = whole;  // ring, bits and sleepers lie behind the desks
    const std::size_t behind = offset(&board.desk(workers - 1)) + sizeof(worker_desk);
    piece(ends, behind, 16);
    piece(ends, all.size() - 16, 16);
    return {whole, ends};
}
