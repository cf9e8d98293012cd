// SPDX-License-Identifier: MIT
// labels: concurrent
// own-main
//
// The bytes of a shared_queue with threads in the place of processes, so that the thread sanitizer sees them: producers and
// consumers, pills, the close, and owners of the mutex that die.
#define YOKE_TEST_POINTS

#include "support/process_watch.hpp"

#include <yoke/queue/shared_queue.hpp>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using yoke::detail::ring_shape;
using yoke::detail::shared_ring;
using yoke_test::require;

/// A thread that dies in the middle of a call leaves behind what that holds.
extern "C" const char* __lsan_default_options();  // NOLINT: the leak sanitizer's name
extern "C" const char* __lsan_default_options() { return "detect_leaks=0"; }

namespace {

constexpr ring_shape shape{3, 16};

/// A ring in memory of this process.
class test_ring {
public:
    test_ring() : memory_(new unit[sizeof(shared_ring) / sizeof(unit) + *shape.bytes(4096)]) {
        ring_ = ::new (memory_.get()) shared_ring(shape);
    }
    test_ring(const test_ring&) = delete;
    test_ring& operator=(const test_ring&) = delete;
    ~test_ring() { ring_->~shared_ring(); }

    shared_ring* operator->() const { return ring_; }
    /// The slot of the item at a position: its size, then its bytes.
    std::byte* slot(std::size_t position) const {
        return reinterpret_cast<std::byte*>(ring_ + 1) + position % shape.capacity * shape.slot_bytes();
    }
    shared_ring& operator*() const { return *ring_; }

private:
    struct alignas(64) unit {
        std::byte bytes[64];
    };
    std::unique_ptr<unit[]> memory_;
    shared_ring* ring_;
};

/// Items have 8 to 16 bytes.
bool push(shared_ring& ring, std::uint64_t number, bool wait = true) {
    std::byte bytes[16] = {};
    std::memcpy(bytes, &number, sizeof number);
    return ring.push(shape, std::span<const std::byte>(bytes, 8 + number % 9), wait);
}
/// 0 if there was none.
std::uint64_t pop(shared_ring& ring, bool wait = true) {
    std::vector<std::byte> bytes;
    if (ring.pop(shape, bytes, wait) != yoke::queue_status::item) return 0;
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return bytes.size() == 8 + number % 9 ? number : 0;
}

// Death.

thread_local const char* dies_at = nullptr;
std::atomic<pid_t> dead{0};

/// Ends the calling thread as the end of its process would: nothing of it runs any more, and the system finds the mutex in its
/// hand.
void die_here(const char* name) {
    if (dies_at == nullptr || std::string_view(name) != dies_at) return;
    // Who hears of the death sees what was written before, as the system sees to for processes.
    dead.store(static_cast<pid_t>(::syscall(SYS_gettid)), std::memory_order_release);
    ::syscall(SYS_exit, 0);
}

enum class kind { pops, pushes, closes };

struct mission {
    shared_ring* ring;
    const char* point;
    kind what;
    std::vector<std::byte> item{};  ///< not the dead thread's own, which nobody would give back
    std::vector<std::vector<std::byte>> rest{};
};
void* fly(void* what) {
    mission& m = *static_cast<mission*>(what);
    dies_at = m.point;
    if (m.what == kind::pushes)
        push(*m.ring, 999);
    else if (m.what == kind::closes)
        m.rest = m.ring->close_and_take(shape);
    else
        static_cast<void>(m.ring->pop(shape, m.item, true));
    return nullptr;  // not reached
}
/// Has a thread push or pop and die at a point of that. Returns when the system has no such thread any more.
void lose_one(shared_ring& ring, const char* point, kind what) {
    dead = 0;
    yoke::detail::test_point_hook = &die_here;
    mission m{&ring, point, what};
    pthread_t thread{};
    require(::pthread_create(&thread, nullptr, &fly, &m) == 0, "a thread starts");
    ::pthread_detach(thread);
    const bool gone = yoke_test::eventually([] {
        const pid_t tid = dead.load(std::memory_order_acquire);
        return tid != 0 && ::access(("/proc/self/task/" + std::to_string(tid)).c_str(), F_OK) != 0;
    });
    require(gone, "a thread dies at", point);
    yoke::detail::test_point_hook = nullptr;
}

struct crew {
    explicit crew(shared_ring& ring) : ring(ring) {}

    /// Two producers of the numbers 1 to 2 * each, and two consumers.
    void start(std::uint64_t each) {
        for (std::uint64_t p = 0; p != 2; ++p) {
            producers.emplace_back([this, p, each] {
                for (std::uint64_t i = 1; i <= each && push(ring, p * each + i); ++i) pushed += p * each + i;
            });
        }
        for (int c = 0; c != 2; ++c) {
            consumers.emplace_back([this] {
                while (const std::uint64_t number = pop(ring)) popped += number;
                ++left;
            });
        }
    }
    void join() {
        for (auto& thread : producers) thread.join();
        ring.close();
        for (auto& thread : consumers) thread.join();
    }

    shared_ring& ring;
    std::vector<std::thread> producers;
    std::vector<std::thread> consumers;
    std::atomic<std::uint64_t> pushed{0};
    std::atomic<std::uint64_t> popped{0};
    std::atomic<int> left{0};
};

void what_is_pushed_is_popped_once() {
    const yoke_test::watchdog dog("producers and consumers of a ring");
    constexpr std::uint64_t each = 3'000;
    test_ring ring;
    crew all(*ring);
    all.start(each);
    all.join();
    require(all.pushed == each * (2 * each + 1), "all items go in");
    require(all.popped == all.pushed, "what went in comes out");
    require(all.left == 2, "both consumers leave");
    require(ring->size() == 0, "nothing is in it");
}

void a_close_in_the_middle_loses_nothing() {
    const yoke_test::watchdog dog("a ring that closes");
    for (int round = 0; round != 100; ++round) {
        test_ring ring;
        crew all(*ring);
        all.start(1'000'000'000);
        while (all.popped == 0) std::this_thread::yield();
        ring->close();
        all.join();
        require(all.popped == all.pushed, "what went in comes out");
    }
}

void each_pill_ends_one_consumer() {
    const yoke_test::watchdog dog("pills in a ring");
    for (int round = 0; round != 100; ++round) {
        test_ring ring;
        crew all(*ring);
        all.start(50);
        for (auto& thread : all.producers) thread.join();
        all.producers.clear();
        require(ring->push_pill(shape), "it goes in");
        require(ring->push_pill(shape), "it goes in");
        for (auto& thread : all.consumers) thread.join();
        all.consumers.clear();
        require(all.popped == all.pushed, "what went in comes out");
        require(!ring->is_closed(), "pills do not close");
    }
}

void who_dies_with_the_mutex_leaves_a_whole_ring() {
    const yoke_test::watchdog dog("a ring whose owner dies");
    for (int round = 0; round != 20; ++round) {
        test_ring ring;
        lose_one(*ring, "item written", kind::pushes);
        require(ring->size() == 0, "nothing is in it");
        require(push(*ring, 7), "it goes in");
        lose_one(*ring, "item read", kind::pops);
        crew all(*ring);
        all.start(100);  // one of these is handed the mutex
        all.join();
        require(all.popped == all.pushed + 7,
                "the item in the dead one's hand and all others are still there");
        require(pop(*ring, false) == 0, "and nothing else");
    }
}

void an_item_dies_with_its_consumer_and_no_other() {
    const yoke_test::watchdog dog("a ring whose consumer dies");
    test_ring ring;
    require(push(*ring, 7), "it goes in");
    require(push(*ring, 8), "it goes in");
    lose_one(*ring, "item taken", kind::pops);
    require(pop(*ring) == 8, "the next item comes out");
    require(ring->size() == 0, "nothing is in it");
}

/// A process that has gone astray may write anything into a slot.
void an_item_that_claims_too_many_bytes_is_refused_and_gone() {
    for (const std::uint64_t claim : {std::uint64_t{17}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
        test_ring ring;
        require(push(*ring, 7), "it goes in");
        require(push(*ring, 8), "it goes in");
        std::memcpy(ring.slot(0), &claim, sizeof claim);
        bool refused = false;
        try {
            pop(*ring);
        } catch (const yoke::decode_error& error) {
            refused = std::string_view(error.what()).find("16") != std::string_view::npos;
        }
        require(refused, "an item of 17 bytes in a slot for 16 is refused");
        require(pop(*ring) == 8, "the next item comes out");
        require(push(*ring, 9), "it goes in");
        std::memcpy(ring.slot(2), &claim, sizeof claim);
        refused = false;
        try {
            static_cast<void>(ring->close_and_take(shape));
        } catch (const yoke::decode_error&) {
            refused = true;
        }
        require(refused && ring->is_closed() && ring->size() == 0, "closing refuses it, too, and closes");
    }
    // As many as a slot has room for are fine.
    test_ring ring;
    const std::byte bytes[16] = {};
    require(ring->push(shape, bytes, true), "it goes in");
    std::vector<std::byte> item;
    require(ring->pop(shape, item, true) == yoke::queue_status::item && item.size() == 16, "16 bytes");
}

void a_closer_that_dies_leaves_the_items_to_the_others() {
    const yoke_test::watchdog dog("a ring whose closer dies");
    test_ring ring;
    for (std::uint64_t i = 1; i != 4; ++i) require(push(*ring, i), "it goes in");
    lose_one(*ring, "queue closed", kind::closes);
    require(ring->is_closed(), "it is closed");
    require(pop(*ring) == 1 && pop(*ring) == 2 && pop(*ring) == 3 && pop(*ring) == 0, "all come out");
    test_ring whole;
    for (std::uint64_t i = 1; i != 4; ++i) require(push(*whole, i), "it goes in");
    require(pop(*whole) == 1 && push(*whole, 4), "the ring wraps");
    const auto rest = whole->close_and_take(shape);
    require(rest.size() == 3 && pop(*whole) == 0, "all others are given back");
    for (std::size_t i = 0; i != 3; ++i) {
        std::uint64_t number = 0;
        std::memcpy(&number, rest[i].data(), sizeof number);
        require(number == i + 2, "in order");
    }
}

/// Waiters with a token, each asked to stop by another thread; whoever does not hear of it sleeps for ever.
void a_stop_request_is_never_missed() {
    const yoke_test::watchdog dog("stop requests", std::chrono::seconds(30));
    for (int round = 0; round != 2000; ++round) {
        test_ring ring;
        std::stop_source stop;
        std::thread waiter([&] {
            const auto wake = [&] { shared_ring::wake_for_stop(ring->not_empty()); };
            const std::stop_callback waking(stop.get_token(), wake);
            std::vector<std::byte> item;
            require(ring->pop(shape, item, true, yoke::detail::never, stop.get_token()) ==
                        yoke::queue_status::stopped,
                    "it is stopped");
        });
        stop.request_stop();
        waiter.join();
    }
}

}  // namespace

int main() {
    what_is_pushed_is_popped_once();
    a_close_in_the_middle_loses_nothing();
    each_pill_ends_one_consumer();
    who_dies_with_the_mutex_leaves_a_whole_ring();
    an_item_dies_with_its_consumer_and_no_other();
    an_item_that_claims_too_many_bytes_is_refused_and_gone();
    a_closer_that_dies_leaves_the_items_to_the_others();
    a_stop_request_is_never_missed();
    std::puts("all as documented");
    return 0;
}
