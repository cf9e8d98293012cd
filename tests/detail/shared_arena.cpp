// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/shared_arena.hpp>

#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <vector>

using yoke::detail::arena_range;
using yoke::detail::shared_arena;
using yoke::detail::sys;
using yoke::detail::sys_ops;

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
