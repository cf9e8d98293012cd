// SPDX-License-Identifier: MIT
#pragma once

/// An array that grows at its end while others read it.
///
/// Elements never move: the array holds pointers to them. When there are too many for the block of pointers, a
/// larger block takes over and the old one, which somebody may be reading, is kept until the end; as each is twice
/// as large as the one before, all of them together are at most twice what is needed.

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace yoke::detail {

template <class T>
class stable_array {
public:
    stable_array() = default;
    stable_array(const stable_array&) = delete;
    stable_array& operator=(const stable_array&) = delete;
    ~stable_array() {
        for (std::size_t i = 0; i != size(); ++i) delete &(*this)[i];
    }

    /// Adds an element made from `args`. One thread at a time. Throws what making it throws, or std::bad_alloc; then
    /// nothing has changed.
    template <class... Args>
    T& add(Args&&... args) {
        const std::size_t size = size_.load(std::memory_order_relaxed);
        if (newest_ == nullptr || size == newest_->capacity) {
            auto larger = std::make_unique<block>(newest_ == nullptr ? 4 : 2 * size);
            for (std::size_t i = 0; i != size; ++i) larger->elements[i] = newest_->elements[i];
            larger->older = std::move(newest_);
            newest_ = std::move(larger);
            // release: with the acquire in operator[], the pointers are in the block before anybody reads them.
            elements_.store(newest_->elements.get(), std::memory_order_release);
        }
        T* const made = new T(std::forward<Args>(args)...);
        newest_->elements[size] = made;
        // seq_cst, for the sleepers' last look (see eventcount.hpp): who looks through all elements after an
        // element's owner did something finds that element.
        size_.store(size + 1, std::memory_order_seq_cst);
        return *made;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_seq_cst); }

    /// The element at `index`, which is less than a size() that this thread has seen or was told of.
    [[nodiscard]] T& operator[](std::size_t index) const noexcept {
        // A block with this element in it was stored before the size that told of it.
        return *elements_.load(std::memory_order_acquire)[index];
    }

private:
    struct block {
        explicit block(std::size_t room) : capacity(room), elements(std::make_unique<T*[]>(room)) {}
        const std::size_t capacity;
        const std::unique_ptr<T*[]> elements;
        std::unique_ptr<block> older;
    };

    std::atomic<T**> elements_{nullptr};
    std::atomic<std::size_t> size_{0};
    std::unique_ptr<block> newest_;
};

}  // namespace yoke::detail
