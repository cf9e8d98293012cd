// SPDX-License-Identifier: MIT
#pragma once

/// The bytes in which values cross to another process: a writer and a reader, neither of which ever leaves its
/// memory.
///
///     yoke::wire_writer count;                 // writes nothing, counts
///     yoke::encode(count, value);
///     std::span<std::byte> room = ring.reserve(count.size());
///     yoke::wire_writer out(room);             // writes straight into the shared memory
///     yoke::encode(out, value);
///
///     yoke::wire_reader in(room);
///     auto copy = yoke::decode<T>(in);         // throws decode_error on anything that is not a T
///
/// The same function writes and counts, so the two cannot disagree. Numbers are stored as the machine has them:
/// the bytes are for another process of the same program, neither for files nor for other machines.
///
/// The reader trusts nothing: a worker that is dying may have scribbled over its memory. Every read is checked
/// against what is left, each byte is read once into memory of our own and checked there, and a length
/// is compared with the bytes that are left before anything is allocated for it.

#include <yoke/detail/base/config.hpp>
#include <yoke/error.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

namespace yoke {

/// Deepest nesting of containers that crosses, for types that contain themselves: decoding uses the stack.
inline constexpr std::size_t wire_depth_limit = 256;

namespace detail {

/// A copy of its own, for values that are checked and then relied on: without it the compiler may read the memory they
/// came from a second time, and another process may have written there in between.
template <class Number>
[[nodiscard]] Number settled(Number value) noexcept {
    const volatile Number kept = value;
    return kept;
}

}  // namespace detail

/// Writes values one after the other into memory it is given, or only counts their bytes. Not thread-safe.
class wire_writer {
public:
    /// Counts only.
    wire_writer() noexcept : limit_(std::numeric_limits<std::size_t>::max()) {}
    /// Writes into `room`, which must outlive the writer.
    explicit wire_writer(std::span<std::byte> room) noexcept : room_(room.data()), limit_(room.size()) {}

    /// Appends `count` bytes. Throws `message_too_large` if there is no room for them.
    void bytes(const void* data, std::size_t count) {
        if (count > limit_ - size_) no_room(count);
        if (room_ != nullptr && count != 0) std::memcpy(room_ + size_, data, count);
        size_ += count;
    }

    /// Appends the object representation of a number.
    template <class Number>
        requires std::is_arithmetic_v<Number>
    void number(Number value) { bytes(&value, sizeof value); }

    /// Appends how many elements follow.
    void length(std::size_t count) { number(static_cast<std::uint64_t>(count)); }

    /// Bytes so far.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Whether it only counts.
    [[nodiscard]] bool counting() const noexcept {
        return room_ == nullptr && limit_ == std::numeric_limits<std::size_t>::max();
    }
    /// Adds to the count what `counting()` makes unnecessary to write.
    void count(std::size_t more) noexcept { size_ += more; }

    /// One level of nesting, for as long as it lives. Throws `message_too_large` beyond `wire_depth_limit`.
    class level {
    public:
        explicit level(wire_writer& out) : out_(out) {
            if (out.depth_ == wire_depth_limit)
                throw message_too_large("cannot encode a value that is nested more than " +
                                        std::to_string(wire_depth_limit) + " containers deep");
            ++out.depth_;
        }
        level(const level&) = delete;
        level& operator=(const level&) = delete;
        ~level() { --out_.depth_; }

    private:
        wire_writer& out_;
    };

private:
    [[noreturn]] void no_room(std::size_t count) const;

    std::byte* room_ = nullptr;
    std::size_t limit_;
    std::size_t size_ = 0;
    std::size_t depth_ = 0;
};

/// Reads values one after the other from bytes that may say anything. Not thread-safe.
///
/// Each operation takes a word for what it reads, for the message of the `decode_error` it throws. After an error
/// the reader stays where it was.
class wire_reader {
public:
    /// Reads `data`, which must outlive the reader.
    explicit wire_reader(std::span<const std::byte> data) noexcept : data_(data) {}

    /// Takes `count` bytes; they lie in the reader's memory, not aligned for anything.
    [[nodiscard]] std::span<const std::byte> bytes(std::size_t count, const char* what) {
        if (count > remaining())
            fail(what,
                 std::to_string(count) + " bytes are needed, " + std::to_string(remaining()) + " are left");
        const auto taken = data_.subspan(at_, count);
        at_ += count;
        return taken;
    }

    /// Takes `count` bytes into memory of the caller.
    void bytes_into(void* target, std::size_t count, const char* what) {
        const auto from = bytes(count, what);
        if (count != 0) std::memcpy(target, from.data(), count);
    }

    /// Takes a number. Not for bool, which has bytes that are no value of it: see `flag`.
    template <class Number>
        requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>)
    [[nodiscard]] Number number(const char* what) {
        std::array<std::byte, sizeof(Number)> raw;
        bytes_into(raw.data(), raw.size(), what);
        return std::bit_cast<Number>(raw);
    }

    /// Takes a byte that must be 0 or 1.
    [[nodiscard]] bool flag(const char* what) {
        const auto value = detail::settled(number<unsigned char>(what));
        if (value > 1) {
            at_ -= 1;
            fail(what, "it is " + std::to_string(value) + ", not 0 or 1");
        }
        return value == 1;
    }

    /// Takes a number that must be less than `limit`.
    [[nodiscard]] std::size_t index(std::size_t limit, const char* what) {
        const auto value = detail::settled(number<std::uint32_t>(what));
        if (value >= limit) {
            at_ -= sizeof value;
            fail(what, "it is " + std::to_string(value) + ", the limit is " + std::to_string(limit));
        }
        return value;
    }

    /// Takes how many elements follow, each of which has at least `each` bytes (at least 1). What it returns
    /// fits the bytes that are left.
    [[nodiscard]] std::size_t length(const char* what, std::size_t each = 1) {
        const auto count = detail::settled(number<std::uint64_t>(what));
        if (count > remaining() / each) {
            const auto left = remaining();
            at_ -= sizeof count;
            fail(what, std::to_string(count) + " elements of " + std::to_string(each) +
                           " bytes or more, and " + std::to_string(left) + " bytes are left");
        }
        return static_cast<std::size_t>(count);
    }

    /// Throws unless everything was read.
    void expect_end(const char* what) const {
        if (remaining() != 0) fail(what, std::to_string(remaining()) + " bytes are left over");
    }

    /// Bytes read.
    [[nodiscard]] std::size_t position() const noexcept { return at_; }
    /// Bytes not read.
    [[nodiscard]] std::size_t remaining() const noexcept { return data_.size() - at_; }

    /// Throws the `decode_error` that says what could not be read, where and why.
    [[noreturn]] void fail(const char* what, const std::string& why) const;

    /// One level of nesting, for as long as it lives. Throws `decode_error` beyond `wire_depth_limit`.
    class level {
    public:
        explicit level(wire_reader& in) : in_(in) {
            if (in.depth_ == wire_depth_limit)
                in.fail("a container",
                        "it is nested more than " + std::to_string(wire_depth_limit) + " deep");
            ++in.depth_;
        }
        level(const level&) = delete;
        level& operator=(const level&) = delete;
        ~level() { --in_.depth_; }

    private:
        wire_reader& in_;
    };

private:
    std::span<const std::byte> data_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
};

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/wire/stream.ipp>
#endif
