// SPDX-License-Identifier: MIT
#pragma once

/// Every error yoke reports of its own accord.
///
/// All derive from `yoke::error`, so `catch (const yoke::error&)` separates what the library says from what
/// a task threw. Each message names the value, the limit and the remedy. Exceptions are plain values: they may
/// be copied and read from any thread.

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace yoke {

/// Base of all errors of this library.
class error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// `submit`, `execute` or `push` came after `shutdown()`. The arguments were not touched.
class pool_closed : public error {
public:
    pool_closed() : error("the executor is shut down and takes no more work") {}
    using error::error;
};

/// The pool cannot run anything any more; the text names the first cause (for instance a crash loop).
class broken_pool : public error {
public:
    using error::error;
};

/// The task will not run, or its outcome was given up: `cancel()`, a stop request or `shutdown(cancel_pending)`.
class cancelled : public error {
public:
    cancelled() : error("the task was cancelled") {}
    using error::error;
};

/// The future holds no state: default-constructed, moved from, or `get()` was called before.
class no_state : public error {
public:
    no_state() : error("the future has no state: it is empty, moved from, or get() was called before") {}
};

/// The work's owner vanished without an outcome (for instance an executor that dropped a receiver).
class broken_promise : public error {
public:
    broken_promise() : error("the task was dropped without an outcome") {}
};

/// What an item that fails does to the others, in loops over items and in pipelines.
enum class error_policy {
    stop,      ///< The first error stops the run and is thrown.
    set_aside  ///< The item is set aside and the run goes on without it.
};

/// Waiting here could never end; refused instead of hanging.
class deadlock_error : public error {
public:
    using error::error;
};

/// An executor, a future, a queue or the like was used in a child that a fork() made of its process: its threads exist
/// in the parent only.
class forked : public error {
public:
    forked()
        : error("this executor, future or queue belongs to the parent process; make a new one after fork()") {
    }
};

/// The fork server must be forked while the program has one thread.
class unsafe_fork : public error {
public:
    using error::error;
};

/// The platform lacks what the feature needs.
class unsupported : public error {
public:
    using error::error;
};

/// The queue is closed.
class queue_closed : public error {
public:
    queue_closed() : error("the queue is closed") {}
};

/// A value is larger than the place it must go through.
class message_too_large : public error {
public:
    using error::error;
};

/// Bytes that came from another process do not describe a value.
class decode_error : public error {
public:
    using error::error;
};

/// Neighbouring items of what an algorithm went through, counted from 0.
struct item_range {
    std::uint64_t index = 0;
    std::uint64_t count = 0;

    friend bool operator==(const item_range&, const item_range&) = default;
    /// "item 7" or "items 7 to 9".
    [[nodiscard]] std::string text() const {
        if (count == 1) return "item " + std::to_string(index);
        return "items " + std::to_string(index) + " to " + std::to_string(index + count - 1);
    }
};

/// A worker process ended while it ran the task. Only this task is lost; the pool replaces the worker.
class worker_lost : public error {
public:
    /// `signal` is the signal that ended the worker, or 0 when it exited by itself with `status`.
    worker_lost(const std::string& what, int pid, int signal, int status, std::uint64_t task,
                int attempts = 1, std::string output = {}, int worker = -1, std::string stack = {},
                std::optional<item_range> items = {})
        : error(what),
          pid_(pid),
          signal_(signal),
          status_(status),
          task_(task),
          attempts_(attempts),
          output_(std::move(output)),
          worker_(worker),
          stack_(std::move(stack)),
          items_(items) {}

    /// Process id of the worker that was lost.
    [[nodiscard]] int pid() const noexcept { return pid_; }
    /// Signal number, 0 if the worker exited.
    [[nodiscard]] int signal() const noexcept { return signal_; }
    /// Exit status, meaningful when `signal()` is 0; -1 if the system could not tell.
    [[nodiscard]] int status() const noexcept { return status_; }
    /// Number of the task in its pool, counted from 1.
    [[nodiscard]] std::uint64_t task() const noexcept { return task_; }
    /// How often the task was started, the last time included.
    [[nodiscard]] int attempts() const noexcept { return attempts_; }
    /// What the task had printed to standard output, and then what to standard error, if its pool collects that
    /// (`process_pool_options::output`); else empty.
    [[nodiscard]] const std::string& output() const noexcept { return output_; }
    /// Which of its pool's workers it was, counted from 0: one that replaces another has the same number. -1: not
    /// known.
    [[nodiscard]] int worker() const noexcept { return worker_; }
    /// Where the worker was when it crashed, if its pool asks for that (`process_pool_options::crash_stacks`); else
    /// empty. One line a frame, innermost first: the file it is in, the function if the dynamic linker knows its name
    /// (a program's own if it was linked with -rdynamic), the offset, the address.
    [[nodiscard]] const std::string& stack() const noexcept { return stack_; }
    /// The items that the task had, if it was one of map, for_each or reduce; its text names them, too.
    [[nodiscard]] const std::optional<item_range>& items() const noexcept { return items_; }
    /// The same error, of a task that had these items.
    [[nodiscard]] worker_lost with_items(item_range items) const {
        return {items.text() + ": " + what(),
                pid_,
                signal_,
                status_,
                task_,
                attempts_,
                output_,
                worker_,
                stack_,
                items};
    }

private:
    int pid_;
    int signal_;
    int status_;
    std::uint64_t task_;
    int attempts_;
    std::string output_;
    int worker_;
    std::string stack_;
    std::optional<item_range> items_;
};

/// The task ran longer than its `task_options::timeout`, and its worker was killed and replaced; or it had not begun
/// within its `task_options::queue_timeout`, and never ran.
class task_timeout : public error {
public:
    explicit task_timeout(const std::string& what, bool began = true, std::optional<item_range> items = {})
        : error(what), began_(began), items_(items) {}

    /// Whether the task had begun; if not, nothing of it was done.
    [[nodiscard]] bool began() const noexcept { return began_; }
    /// The items that the task had, if it was one of map, for_each or reduce; its text names them, too.
    [[nodiscard]] const std::optional<item_range>& items() const noexcept { return items_; }
    /// The same error, of a task that had these items.
    [[nodiscard]] task_timeout with_items(item_range items) const {
        return task_timeout(items.text() + ": " + what(), began_, items);
    }

private:
    bool began_;
    std::optional<item_range> items_;
};

/// Several calls that ran together have thrown. (If only one has, its exception is thrown as it is.)
class task_errors : public error {
public:
    /// `errors` in the order of the calls; two at least. `first` is the text of the first.
    task_errors(std::vector<std::exception_ptr> errors, const std::string& first)
        : error(std::to_string(errors.size()) + " calls have thrown; the first: " + first),
          errors_(std::make_shared<const std::vector<std::exception_ptr>>(std::move(errors))) {}

    /// All that was thrown, in the order of the calls.
    [[nodiscard]] const std::vector<std::exception_ptr>& errors() const noexcept { return *errors_; }

private:
    std::shared_ptr<const std::vector<std::exception_ptr>> errors_;  // copying an exception must not throw
};

/// An exception of a type that has no equal on this side of the process boundary, described.
class remote_error : public error {
public:
    /// One exception of a chain: its type as the compiler spells it, and its text.
    struct link {
        std::string type;
        std::string what;
    };

    /// `chain` is the exception itself followed by those nested in it, outermost first; never empty.
    remote_error(std::vector<link> chain, int worker)
        : error(chain.front().type + ": " + chain.front().what), chain_(std::move(chain)), worker_(worker) {}

    /// Type of the exception, for instance `my::parse_error`.
    [[nodiscard]] const std::string& type() const noexcept { return chain_.front().type; }
    /// Its what(); empty for a type that is not a std::exception.
    [[nodiscard]] const std::string& text() const noexcept { return chain_.front().what; }
    /// The exception and all that were nested in it, outermost first.
    [[nodiscard]] const std::vector<link>& chain() const noexcept { return chain_; }
    /// Process id of the worker that threw it.
    [[nodiscard]] int worker() const noexcept { return worker_; }

private:
    std::vector<link> chain_;
    int worker_;
};

/// A page source returned more rows than it was asked for.
class page_overflow : public error {
public:
    using error::error;
};

/// A page could not be had; the cause is nested (`std::rethrow_if_nested`).
class fetch_error : public error {
public:
    fetch_error(const std::string& what, std::uint64_t offset) : error(what), offset_(offset) {}

    /// Offset of the page that failed.
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

private:
    std::uint64_t offset_;
};

/// Neighbouring rows of a store.
struct row_range {
    std::uint64_t offset = 0;
    std::uint64_t count = 0;

    friend bool operator==(const row_range&, const row_range&) = default;
};

/// A store gave fewer rows than it had promised (`fetch_options::total`).
class missing_rows : public fetch_error {
public:
    /// `ranges` by offset; never empty.
    missing_rows(const std::string& what, std::vector<row_range> ranges)
        : fetch_error(what, ranges.front().offset),
          ranges_(std::make_shared<const std::vector<row_range>>(std::move(ranges))) {}

    /// What did not come, by offset; ranges do not touch.
    [[nodiscard]] const std::vector<row_range>& ranges() const noexcept { return *ranges_; }
    /// How many rows that are.
    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t all = 0;
        for (const row_range& each : *ranges_) all += each.count;
        return all;
    }

private:
    std::shared_ptr<const std::vector<row_range>> ranges_;  // copying an exception must not throw
};

/// A pipeline stage failed; the cause is nested (`std::rethrow_if_nested`).
class stage_error : public error {
public:
    stage_error(const std::string& what, std::size_t stage, std::uint64_t item)
        : error(what), stage_(stage), item_(item) {}

    /// Position of the stage in the pipeline, counted from 1 (0: the source).
    [[nodiscard]] std::size_t stage() const noexcept { return stage_; }
    /// Number of the item among those that entered this stage, counted from 0.
    [[nodiscard]] std::uint64_t item() const noexcept { return item_; }

private:
    std::size_t stage_;
    std::uint64_t item_;
};

}  // namespace yoke
