// SPDX-License-Identifier: MIT
#pragma once

/// Memory that the worker processes of all pools see at the same address, for data too large to be copied.
///
///     yoke::shared_memory_resource shared;
///     std::pmr::vector<double> samples(&shared);                     // filled here, as usual
///     ...
///     yoke::shared_span<const double> all(samples);
///     auto left = pool.submit(sum, all.first(all.size() / 2));       // double sum(yoke::shared_span<const double>)
///     auto right = pool.submit(sum, all.subspan(all.size() / 2));    // neither half is copied
///
/// What a task gets is a view: the vector must stay as it is until the tasks that read it are done. Workers may read while
/// others read; who writes must see to it that nobody else reads or writes there, as among threads.
///
/// Memory comes from the program, never from a worker: there `allocate` throws, so containers on this resource can be
/// looked at but not grown. A worker that dies leaves the memory as it was.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/process/host.hpp>
#include <yoke/error.hpp>
#include <yoke/wire/codec.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory_resource>
#include <new>
#include <ranges>  // for the concepts
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace yoke {

/// A std::pmr::memory_resource over the shared arena. All objects of this type draw on the same arena, and each must outlive what
/// was allocated through it. May be used from any thread.
///
/// An allocation costs a lock and a search among the free blocks; large blocks start on a page, and freed
/// memory is kept for the next one up to a bound. Alignments beyond a page (4096) are refused.
class shared_memory_resource final : public std::pmr::memory_resource {
public:
    /// Starts the fork server if there is none, since only workers forked later have the arena. Throws unsafe_fork if
    /// there is none and the program has further threads, std::system_error if the system refuses memory or a process, and
    /// deadlock_error in a worker.
    shared_memory_resource() : host_(detail::process_host::instance()) { host_.start(); }
    shared_memory_resource(const shared_memory_resource&) = delete;
    shared_memory_resource& operator=(const shared_memory_resource&) = delete;

    /// Bytes of the arena in use by everybody: resources, pools and queues. For tests and for reports.
    /// Throws forked in a child that was forked since, and in a worker.
    [[nodiscard]] std::size_t bytes_in_use() const;

private:
    /// Throws std::bad_alloc if the address space is used up, std::system_error if there is no memory, unsupported in a
    /// worker, forked in a child that the program forked.
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* memory, std::size_t bytes, std::size_t) override;
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    const detail::fork_watch watch_;
    detail::process_host& host_;
};

/// A view of elements that lie in shared memory. It crosses to workers and back by its address and size; a worker reads, and
/// with a `T` that is not const writes, the program's own elements.
template <class T>
class shared_span {
    static_assert(
        std::is_object_v<T> && std::is_trivially_copyable_v<T>,
        "yoke::shared_span<T>: T must be trivially copyable, as another process sees its bytes only");

public:
    using element_type = T;
    using value_type = std::remove_cv_t<T>;
    using iterator = T*;

    /// Of no elements.
    shared_span() = default;

    /// Of the elements of a vector, an array, a std::span ... that lie in shared memory. Throws std::invalid_argument if they
    /// do not.
    template <std::ranges::contiguous_range Range>
        requires(!std::same_as<std::remove_cvref_t<Range>, shared_span>)
    &&std::ranges::sized_range<Range>&&
        std::convertible_to<std::remove_reference_t<std::ranges::range_reference_t<Range>> (*)[],
                            T (*)[]> explicit shared_span(Range&& range)
        : shared_span(std::ranges::data(range), static_cast<std::size_t>(std::ranges::size(range))) {}

    /// Of `size` elements from `first` on. Throws std::invalid_argument unless all lie in shared memory.
    shared_span(T* first, std::size_t size) : elements_(first, size) {
        const auto* const arena = detail::process_host::instance().find_arena();
        if (size != 0 && (arena == nullptr || !arena->contains(first, size * sizeof(T))))
            throw std::invalid_argument("a yoke::shared_span of " + std::to_string(size) +
                                        " elements that are not in shared memory; allocate them from a "
                                        "yoke::shared_memory_resource");
    }
    /// A view for reading of one for writing.
    template <class U>
        requires std::same_as<const U, T> &&(!std::same_as<U, T>)shared_span(shared_span<U> other) noexcept
            : elements_(other) {}  // NOLINT: as std::span does

        [[nodiscard]] T* data() const noexcept { return elements_.data(); }
        [[nodiscard]] std::size_t size() const noexcept { return elements_.size(); }
        [[nodiscard]] bool empty() const noexcept { return elements_.empty(); }
        [[nodiscard]] iterator begin() const noexcept { return data(); }
        [[nodiscard]] iterator end() const noexcept { return data() + size(); }
        /// `index` is less than size().
        [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data()[index]; }

        /// `count` elements from `offset` on, all that follow without a count. Throws std::out_of_range if there are not so many.
        [[nodiscard]] shared_span subspan(std::size_t offset, std::size_t count = std::dynamic_extent) const {
            if (offset > size() || (count != std::dynamic_extent && count > size() - offset))
                throw std::out_of_range("subspan(" + std::to_string(offset) + ", " + std::to_string(count) +
                                        ") of a yoke::shared_span of " + std::to_string(size()) +
                                        " elements");
            shared_span part;
            part.elements_ = elements_.subspan(offset, count);
            return part;
        }
        [[nodiscard]] shared_span first(std::size_t count) const { return subspan(0, count); }
        [[nodiscard]] shared_span last(std::size_t count) const {
            return subspan(count > size() ? size() + 1 : size() - count);
        }

        /// An ordinary span of the same elements, which cannot cross.
        operator std::span<T>() const noexcept { return elements_; }  // NOLINT: a view to a view

    private:
        std::span<T> elements_;
};

/// Crosses as an offset into the arena and a number of elements, which are checked on arrival.
template <class T>
struct codec<shared_span<T>> {
    static void encode(wire_writer& out, const shared_span<T>& value) {
        const auto* const arena = detail::process_host::instance().find_arena();
        if (!value.empty() && (arena == nullptr || !arena->contains(value.data(), 1))) throw forked();
        out.number(value.empty() ? std::uint64_t{0} : arena->offset_of(value.data()));
        out.number(static_cast<std::uint64_t>(value.size()));
    }
    static shared_span<T> decode(wire_reader& in) {
        const auto* const arena = detail::process_host::instance().find_arena();
        const auto offset = in.number<std::uint64_t>("the place of a shared span");
        const auto size = in.number<std::uint64_t>("the size of a shared span");
        if (size == 0) return {};
        if (arena == nullptr || offset >= arena->size() || size > (arena->size() - offset) / sizeof(T) ||
            reinterpret_cast<std::uintptr_t>(arena->at(offset)) % alignof(T) != 0)
            in.fail("a shared span", std::to_string(size) + " elements at offset " + std::to_string(offset) +
                                         " are not in shared memory");
        return {reinterpret_cast<T*>(arena->at(offset)), static_cast<std::size_t>(size)};
    }
};

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/shared_memory_resource.ipp>
#endif
