// SPDX-License-Identifier: MIT
#pragma once

/// The numbers from 0 on as a range: std::views::iota, which clang++ 14 does not compile.

#include <compare>
#include <cstddef>
#include <iterator>

namespace yoke_test {

class counting {
public:
    class iterator {
    public:
        using iterator_concept = std::random_access_iterator_tag;
        using iterator_category = std::input_iterator_tag;
        using value_type = std::size_t;
        using difference_type = std::ptrdiff_t;
        using reference = std::size_t;
        using pointer = void;

        iterator() = default;
        explicit iterator(std::size_t at) noexcept : at_(at) {}

        std::size_t operator*() const noexcept { return at_; }
        std::size_t operator[](difference_type n) const noexcept { return *(*this + n); }
        iterator& operator++() noexcept { return *this += 1; }
        iterator& operator--() noexcept { return *this -= 1; }
        iterator operator++(int) noexcept {
            const iterator before = *this;
            ++*this;
            return before;
        }
        iterator operator--(int) noexcept {
            const iterator before = *this;
            --*this;
            return before;
        }
        iterator& operator+=(difference_type n) noexcept {
            at_ += static_cast<std::size_t>(n);
            return *this;
        }
        iterator& operator-=(difference_type n) noexcept { return *this += -n; }
        friend iterator operator+(iterator i, difference_type n) noexcept { return i += n; }
        friend iterator operator+(difference_type n, iterator i) noexcept { return i += n; }
        friend iterator operator-(iterator i, difference_type n) noexcept { return i -= n; }
        friend difference_type operator-(iterator a, iterator b) noexcept {
            return static_cast<difference_type>(a.at_ - b.at_);
        }
        friend auto operator<=>(iterator, iterator) = default;

    private:
        std::size_t at_ = 0;
    };

    explicit counting(std::size_t size) noexcept : size_(size) {}
    [[nodiscard]] static iterator begin() noexcept { return iterator(); }
    [[nodiscard]] iterator end() const noexcept { return iterator(size_); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    std::size_t size_;
};

static_assert(std::random_access_iterator<counting::iterator>);

}  // namespace yoke_test
