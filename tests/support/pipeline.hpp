// SPDX-License-Identifier: MIT
#pragma once

/// What the tests of pipelines share.

#include <yoke/concept/executor.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace yoke_test {

/// Another executor, reduced to calls that could cross to another process (approximated by function objects without
/// members and function pointers). Pipelines treat it as they treat a process pool.
template <class E>
class remote_executor {
public:
    explicit remote_executor(E& inner) : inner_(inner) {}

    template <class R, class F, class... Args>
        requires yoke::executor_of<E, F, Args...> && yoke::receiver_of<R, yoke::call_result<F, Args...>> &&
            (std::is_empty_v<std::decay_t<F>> ||
             std::is_pointer_v<std::decay_t<F>>)void execute(R&& receiver, F&& f, Args&&... args) {
            ++calls;
            inner_.execute(std::forward<R>(receiver), std::forward<F>(f), std::forward<Args>(args)...);
        }
        void shutdown() { inner_.shutdown(); }
        void shutdown(yoke::cancel_pending_t) { inner_.shutdown(yoke::cancel_pending); }
        [[nodiscard]] std::size_t concurrency() const { return inner_.concurrency(); }

        std::atomic<int> calls{0};

    private:
        E& inner_;
};

/// A move-only value that counts how many of its kind hold something.
class token {
public:
    explicit token(int value = 0) : value_(std::make_unique<int>(value)) { ++alive; }
    token(token&& other) noexcept : value_(std::move(other.value_)) {}
    token& operator=(token&& other) noexcept {
        if (value_ != nullptr && this != &other) --alive;
        value_ = std::move(other.value_);
        return *this;
    }
    ~token() {
        if (value_ != nullptr) --alive;
    }
    [[nodiscard]] int value() const { return *value_; }

    static inline std::atomic<int> alive{0};

private:
    std::unique_ptr<int> value_;
};

/// Counts how many calls run at once, and the most there ever were.
class gauge {
public:
    class call {
    public:
        explicit call(gauge& of) : of_(of) {
            const int now = ++of_.now_;
            int seen = of_.most_.load();
            while (seen < now && !of_.most_.compare_exchange_weak(seen, now)) {}
        }
        ~call() { --of_.now_; }
        call(const call&) = delete;
        call& operator=(const call&) = delete;

    private:
        gauge& of_;
    };
    [[nodiscard]] int now() const { return now_; }
    [[nodiscard]] int most() const { return most_; }

private:
    std::atomic<int> now_{0};
    std::atomic<int> most_{0};
};

/// The text of an exception and of all that are nested in it, outermost first.
inline std::string texts(const std::exception& error) {
    std::string all = error.what();
    try {
        std::rethrow_if_nested(error);
    } catch (const std::exception& cause) {
        all += " <- " + texts(cause);
    } catch (...) {
        all += " <- ?";
    }
    return all;
}

}  // namespace yoke_test
