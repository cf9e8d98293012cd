// SPDX-License-Identifier: MIT
/// What do the two copies cost that a result makes on its way from a worker process: by the worker into shared memory,
/// and by the waiting program out of it?
///
/// Timed: a process is asked through a word in shared memory, makes so many characters, copies them into shared memory and
/// says so through another word; the asking one copies them into a vector of its own. Both wait awake, so there is no
/// wake in the figure, and both are pinned. Each trip by itself, the median. `380_B`, `4_KiB` and `64_KiB`: so many characters;
/// `8_B` is the two words' way with hardly anything to copy, so the difference to it is what making and copying costs.
/// The same memory is used again and again, as a pool does with a task's room: each side finds the lines in the
/// other's cache. Checked: the characters.

#include "../../child.hpp"
#include "../../futex.hpp"
#include "../../harness.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace {

constexpr bench::unit microseconds{"us", 1e6};

/// A process that makes characters when it is asked for some.
class maker {
public:
    maker() = default;
    maker(const maker&) = delete;
    maker& operator=(const maker&) = delete;
    ~maker() { ask(0); }

    std::vector<char> make(std::size_t size) {
        const std::uint32_t number = ask(size);
        wait_for(memory_->made, number);
        return {memory_->text.data(), memory_->text.data() + size};
    }

private:
    struct shared_memory {
        alignas(64) std::atomic<std::uint32_t> asked{0};  // the number of the latest request
        std::size_t size = 0;                             // 0: leave
        alignas(64) std::atomic<std::uint32_t> made{0};   // the number of the latest answer
        alignas(4096) std::array<char, 64 << 10> text;
    };

    /// Waits awake; where there is no processor for each, lets the other one run now and then.
    static void wait_for(const std::atomic<std::uint32_t>& word, std::uint32_t number) {
        for (unsigned looks = 1; word.load(std::memory_order_acquire) != number; ++looks) {
            if (looks % 4096 == 0) std::this_thread::yield();
        }
    }
    std::uint32_t ask(std::size_t size) {
        memory_->size = size;
        memory_->asked.store(++number_, std::memory_order_release);
        return number_;
    }
    void serve() {
        bench::pin(1);
        for (std::uint32_t number = 1;; ++number) {
            wait_for(memory_->asked, number);
            if (memory_->size == 0) return;
            const std::vector<char> own(memory_->size, 't');
            std::memcpy(memory_->text.data(), own.data(), own.size());
            memory_->made.store(number, std::memory_order_release);
        }
    }

    bench::shared<shared_memory> memory_;
    std::uint32_t number_ = 0;
    bench::child child_{[this] { serve(); }};
};

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    const auto from = std::make_shared<maker>();  // before this process is pinned, which a child inherits
    bench::pin(0);
    const auto add = [&here, from](const char* row, std::size_t size) {
        here.add_single(row, microseconds, 10'000, [size, from] {
            for (int i = 0; i < 100; ++i) from->make(size);
            return [size, from] {
                const auto start = bench::clock::now();
                const std::vector<char> text = from->make(size);
                const double seconds = bench::seconds_since(start);
                bench::require(text.front() == 't' && text[size - 1] == 't', "a character is wrong");
                return bench::cost(seconds, 1, microseconds);
            };
        });
    };
    add("limits/result_copy/8_B", 8);
    add("limits/result_copy/380_B", 380);
    add("limits/result_copy/4_KiB", 4 << 10);
    add("limits/result_copy/64_KiB", 64 << 10);
    return here.run();
}
