// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include "support/machine.hpp"

#include <yoke/detail/process/shared_arena.hpp>

#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <vector>

using yoke::detail::arena_range;
using yoke::detail::shared_arena;
using yoke::detail::sys;
using yoke::detail::sys_ops;
using yoke_test::machine;

namespace {

/// Puts the system back in order.
struct table_restored {
    const sys_ops before = sys;
    ~table_restored() { sys = before; }
};

int calls_until_failure = 0;
int failure = 0;

bool fails_now() {
    if (calls_until_failure-- > 0) return false;
    errno = failure;
    return true;
}

}  // namespace

TEST_CASE("memory can be written as soon as it is allocated, and is zero the first time") {
    shared_arena arena;
    REQUIRE(arena.size() >= shared_arena::smallest);
    const arena_range a = arena.allocate(1000);
    REQUIRE(a.size == 1024);
    REQUIRE(a.offset % shared_arena::granule == 0);
    for (std::size_t i = 0; i < 1000; ++i) REQUIRE(arena.at(a.offset)[i] == std::byte{0});
    std::memset(arena.at(a.offset), 7, 1000);
    const arena_range b = arena.allocate(3'000'000);
    REQUIRE(b.offset % shared_arena::page == 0);
    std::memset(arena.at(b.offset), 8, 3'000'000);
    REQUIRE(arena.at(a.offset)[999] == std::byte{7});
    REQUIRE(arena.used() == a.size + b.size);
    arena.deallocate({b.offset, 3'000'000});
    arena.deallocate({a.offset, 1000});
    REQUIRE(arena.used() == 0);
}

TEST_CASE("memory that was freed is used again, and beyond a bound goes back to the system") {
    shared_arena arena;
    const arena_range first = arena.allocate(1 << 20);
    arena.deallocate(first);
    REQUIRE(arena.allocate(1 << 20) == first);
    arena.deallocate(first);

    const arena_range large = arena.allocate(shared_arena::warm_bytes + (64 << 20));
    std::memset(arena.at(large.offset), 1, 4096);
    arena.deallocate(large);
    const arena_range again = arena.allocate(large.size);
    REQUIRE(again.offset == large.offset);
    REQUIRE(arena.at(again.offset)[0] == std::byte{0});  // a new page
}

TEST_CASE("what was not used between two looks goes back to the system, and what was stays") {
    constexpr std::int64_t second = shared_arena::trim_ns;
    constexpr std::uint64_t size = 16 << 20;
    const table_restored restored;
    static std::uint64_t given_back = 0;
    given_back = 0;
    sys.fallocate = [](int fd, int mode, off_t offset, off_t bytes) {
        if ((mode & FALLOC_FL_PUNCH_HOLE) != 0) given_back += static_cast<std::uint64_t>(bytes);
        return ::fallocate(fd, mode, offset, bytes);
    };
    shared_arena arena;
    arena.deallocate(arena.allocate(size));
    std::int64_t now = 1;
    arena.trim(now);
    for (int i = 0; i != 3; ++i) {
        // A quarter of it is used all the time.
        arena.deallocate(arena.allocate(size / 4));
        arena.trim(now += second);
    }
    REQUIRE(given_back >= size / 2);
    REQUIRE(given_back <= size * 3 / 4);
    given_back = 0;
    arena.deallocate(arena.allocate(size / 4));
    arena.trim(now + second - 1);  // too early
    arena.trim(now += second);
    REQUIRE(given_back == 0);
    arena.trim(now += second);
    REQUIRE(given_back >= size / 4 - shared_arena::always_warm - 4096);
    given_back = 0;
    arena.deallocate(arena.allocate(size));
    arena.trim_all();
    REQUIRE(given_back >= size - shared_arena::always_warm - 4096);
    REQUIRE(arena.allocate(64).size == 64);
}

TEST_CASE("more shared memory than the limit is refused with sizes and remedy, before the system is asked") {
    const table_restored restored;
    static std::int64_t promised = 0;
    promised = 0;
    sys.fallocate = [](int fd, int mode, off_t offset, off_t bytes) {
        promised += (mode & FALLOC_FL_PUNCH_HOLE) != 0 ? -bytes : bytes;
        return ::fallocate(fd, mode, offset, bytes);
    };
    shared_arena arena;
    arena.set_limit(8 << 20);
    REQUIRE(arena.limit() == 8 << 20);
    const arena_range first = arena.allocate(5 << 20);
    try {
        static_cast<void>(arena.allocate(4 << 20));
        FAIL("it was refused");
    } catch (const std::system_error& error) {
        REQUIRE(error.code() == std::errc::not_enough_memory);
        for (const char* const part : {"4096 KiB", "5120 KiB", "8192 KiB", "runtime_options::shared_memory"})
            REQUIRE_THAT(error.what(), Catch::Matchers::ContainsSubstring(part));
    }
    REQUIRE(promised == 5 << 20);
    // Up to the last byte, and warm memory does not stand in the way.
    const arena_range rest = arena.allocate(3 << 20);
    arena.deallocate(first);
    arena.deallocate(rest);
    const arena_range all = arena.allocate(8 << 20);
    REQUIRE(promised <= 8 << 20);
    REQUIRE_THROWS_AS(arena.allocate(64), std::system_error);
    arena.deallocate(all);
    arena.set_limit(16 << 20);
    REQUIRE(arena.allocate(12 << 20).size == 12 << 20);
}

TEST_CASE("the limit is half of what the machine or the group has, and the last sixteenth is not taken") {
    const machine m;
    m.write("meminfo", "MemTotal:       1048576 kB\nMemFree: 1 kB\nMemAvailable:    131072 kB\n");
    REQUIRE(shared_arena(m.memory()).limit() == std::uint64_t{512} << 20);
    {
        shared_arena arena(m.memory());  // 128 MiB are available, and 64 of them stay
        const arena_range first = arena.allocate(40 << 20);
        m.write("meminfo", "MemTotal:       1048576 kB\nMemFree: 1 kB\nMemAvailable:    90112 kB\n");
        try {
            static_cast<void>(arena.allocate(30 << 20));
            FAIL("it was refused");
        } catch (const std::system_error& error) {
            REQUIRE(error.code() == std::errc::not_enough_memory);
            for (const char* const part : {"30720 KiB", "90112 KiB", "1048576 KiB", "65536 KiB"})
                REQUIRE_THAT(error.what(), Catch::Matchers::ContainsSubstring(part));
        }
        REQUIRE(arena.allocate(20 << 20).size == 20 << 20);
        arena.deallocate(first);
    }
    m.write("cgroup", "0::/slice/app\n");
    m.mount2("/", "cg");
    m.write("cg/slice/app/memory.max", "max\n");
    m.write("cg/slice/memory.max", "67108864\n");
    m.write("cg/slice/memory.current", "50331648\n");
    m.write("cg/slice/memory.stat", "anon 1\ninactive_file 8388608\n");
    shared_arena arena(m.memory());
    REQUIRE(arena.limit() == 32 << 20);
    // 24 MiB are available, and 4 of them stay.
    REQUIRE_THROWS_AS(arena.allocate(21 << 20), std::system_error);
    REQUIRE(arena.allocate(19 << 20).size == 19 << 20);
}

TEST_CASE("what lies in the arena is told from what does not") {
    shared_arena arena;
    const arena_range range = arena.allocate(64);
    std::byte* const at = arena.at(range.offset);
    REQUIRE(arena.contains(at, 64));
    REQUIRE(arena.offset_of(at) == range.offset);
    REQUIRE(arena.contains(arena.at(arena.size() - 1), 1));
    REQUIRE_FALSE(arena.contains(arena.at(arena.size() - 1), 2));
    REQUIRE_FALSE(arena.contains(at, ~std::uint64_t{0}));
    int elsewhere = 0;
    REQUIRE_FALSE(arena.contains(&elsewhere, sizeof elsewhere));
    REQUIRE_FALSE(arena.contains(nullptr, 1));
}

TEST_CASE("requests that can never be met are refused") {
    shared_arena arena;
    REQUIRE_THROWS_AS(arena.allocate(arena.size() + 1), std::bad_alloc);
    REQUIRE_THROWS_AS(arena.allocate(~std::uint64_t{0}), std::bad_alloc);
    REQUIRE_THROWS_AS(arena.allocate(64, 8192), std::bad_alloc);
    REQUIRE(arena.used() == 0);
}

TEST_CASE("a system without memory is an exception, not a signal") {
    const table_restored restored;
    shared_arena arena;
    sys.fallocate = [](int fd, int mode, off_t offset, off_t size) {
        return fails_now() ? -1 : ::fallocate(fd, mode, offset, size);
    };
    failure = ENOSPC;
    calls_until_failure = 1;
    const arena_range first = arena.allocate(1 << 20);
    try {
        static_cast<void>(arena.allocate(1 << 20));
        FAIL("it was refused");
    } catch (const std::system_error& error) {
        REQUIRE(error.code() == std::errc::no_space_on_device);
        REQUIRE_THAT(error.what(), Catch::Matchers::ContainsSubstring("1024 KiB"));
    }
    // What there is can still be used.
    arena.deallocate(first);
    REQUIRE(arena.allocate(1 << 20) == first);
}

TEST_CASE("a call that a signal interrupts is made again") {
    const table_restored restored;
    sys.fallocate = [](int fd, int mode, off_t offset, off_t size) {
        static int calls = 0;
        if (calls++ % 2 == 0) {
            errno = EINTR;
            return -1;
        }
        return ::fallocate(fd, mode, offset, size);
    };
    shared_arena arena;
    REQUIRE(arena.allocate(64).size == 64);
}

TEST_CASE("where large files or mappings are refused the arena is smaller, and below 64 MiB there is none") {
    const table_restored restored;
    static std::size_t allowed = 0;
    sys.mmap = [](void* at, std::size_t size, int protection, int flags, int fd, off_t offset) {
        if (size <= allowed) return ::mmap(at, size, protection, flags, fd, offset);
        errno = ENOMEM;
        return MAP_FAILED;
    };
    allowed = std::size_t{1} << 30;
    REQUIRE(shared_arena().size() == std::size_t{1} << 30);
    allowed = (std::size_t{64} << 20) - 1;
    REQUIRE_THROWS_AS(shared_arena(), std::system_error);

    sys = restored.before;
    failure = EMFILE;
    calls_until_failure = 0;
    sys.memfd_create = [](const char*, unsigned) { return fails_now() ? -1 : 0; };
    REQUIRE_THROWS_AS(shared_arena(), std::system_error);
    sys = restored.before;
    calls_until_failure = 0;
    failure = ENOSPC;
    sys.ftruncate = [](int, off_t) { return fails_now() ? -1 : 0; };
    calls_until_failure = 0;
    REQUIRE_THROWS_AS(shared_arena(), std::system_error);
}
