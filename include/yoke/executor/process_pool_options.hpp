// SPDX-License-Identifier: MIT
#pragma once

/// What a process pool (executor/process_pool.hpp) is made with.
///
///     yoke::process_pool pool({.workers = 4,
///                              .initializer = yoke::bind_values(open_database, path),
///                              .tasks_per_worker = 1000,
///                              .memory_limit = std::uint64_t{2} << 30});

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/os/cpu_count.hpp>
#include <yoke/detail/os/thread_traits.hpp>
#include <yoke/detail/process/output.hpp>
#include <yoke/detail/process/setup.hpp>
#include <yoke/executor/process/board.hpp>
#include <yoke/time_span.hpp>
#include <yoke/wire/remote_call.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace yoke {

namespace detail {

/// What a worker calls first: reads the call and makes it. What it returns is dropped.
template <class Call>
void make_initial_call(std::span<const std::byte> bytes) {
    struct nowhere final : result_sink {
        std::span<std::byte> room(std::size_t size) override {
            dropped.resize(size);
            return dropped;
        }
        std::vector<std::byte> dropped;
    };
    wire_reader in(bytes);
    nowhere out;
    Call::run(in, out);
}

/// The addresses of code that `f` brings along, besides its type.
template <class F>
void note_code(const F& f, std::vector<std::uintptr_t>& to) {
    if constexpr (std::is_pointer_v<F>) to.push_back(reinterpret_cast<std::uintptr_t>(f));
}
template <class F, class... Values>
void note_code(const bound_values<F, Values...>& f, std::vector<std::uintptr_t>& to) {
    note_code(f.function(), to);
}

}  // namespace detail

/// What each worker of a process pool calls before its first task, packed: a function, or `bind_values(f, values...)`. A
/// plain value.
class worker_initializer {
public:
    /// Nothing is called.
    worker_initializer() = default;
    /// Packs the call `f()` by `yoke::codec`. What cannot cross does not compile, with a sentence that says why. Throws what
    /// packing throws, and std::invalid_argument for a null pointer.
    template <class F>
        requires(!std::same_as<std::decay_t<F>, worker_initializer>)
    worker_initializer(const F& f) {  // NOLINT: a function is an initializer
        refuse_unshippable<F>();
        if constexpr (shippable_call<F>) {
            using call = remote_call_of<F>;
            entry_ = &detail::make_initial_call<call>;
            code_.push_back(reinterpret_cast<std::uintptr_t>(entry_));
            const std::decay_t<F>& callee = f;
            detail::note_code(callee, code_);
            bytes_.resize(call::size(callee));
            wire_writer out(bytes_);
            call::encode(out, callee);
        }
    }

    /// Its bytes, how to make the call they are, and the addresses of the code that needs; for the pool.
    [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }
    [[nodiscard]] detail::initial_entry entry() const noexcept { return entry_; }
    [[nodiscard]] const std::vector<std::uintptr_t>& code() const noexcept { return code_; }

private:
    detail::initial_entry entry_ = nullptr;
    std::vector<std::byte> bytes_;
    std::vector<std::uintptr_t> code_;
};

/// One of the limits that the system keeps processes to: `{RLIMIT_NOFILE, 64}`. See setrlimit(2) for names and units.
struct process_limit {
    int resource = 0;
    std::uint64_t value = 0;
};

/// What becomes of what tasks print.
enum class worker_output : std::uint8_t {
    /// It goes where the program's goes, as it is printed: pieces of lines of several workers may mix.
    inherit,
    /// It is written to the program's stdout and stderr when its task has ended, or died, in one piece.
    lines,
    /// It is given to `process_pool_options::on_output` only.
    capture
};

/// What a process pool is made with.
struct process_pool_options {
    static constexpr std::size_t unbounded = static_cast<std::size_t>(-1);

    /// Number of worker processes; 0 means as many as the process may use: processors, but no more than its CPU quota.
    std::size_t workers = 0;
    /// The most that `resize` may ask for, up to 4096; 0 means twice the workers, and no fewer than 64.
    std::size_t max_workers = 0;
    /// How many accepted tasks may wait to begin; at least 1. With all places taken `submit` waits and `try_submit` fails; a
    /// receiver, which must not wait, goes beyond the bound.
    std::size_t max_pending = unbounded;
    /// How many bytes the calls of accepted tasks that are not complete may have, together; 0 means half of the shared
    /// memory that there may be (`runtime_options::shared_memory`). Beyond it `submit` waits and `try_submit` fails; a call
    /// that is larger by itself is refused with `message_too_large`. A receiver goes beyond this bound, too. As many bytes
    /// again may lie in shared memory as results that are not read yet: beyond it workers wait until some have
    /// been, and a result that is larger by itself fails its task with `message_too_large`.
    std::uint64_t max_pending_bytes = 0;
    /// Called by each worker, replacements included, before its first task. If it throws, the pool is broken, with
    /// the exception's text.
    worker_initializer initializer{};
    /// So many workers in a row may die without a task completed between, each within a minute of the one before, until the
    /// next such death breaks the pool; 0 means 10 and two for each worker. Deaths by timeout do not count, nor do those of
    /// workers without a task that had lived for a second, nor workers that leave as the options below say.
    /// A worker that cannot be forked is tried again; the pool is broken if no other lives and that has failed for a second.
    std::size_t crash_limit = 0;

    /// A worker that has run so many tasks leaves, and another takes its place; 0: never. For tasks that leave something behind.
    std::uint64_t tasks_per_worker = 0;
    /// A worker that has more bytes of memory of its own after a task leaves, and another takes its place; 0: never. What is
    /// counted is in RAM and not shared with the program or a file. A new worker has what the program had when the fork
    /// server started: with less than that here each worker runs one task.
    std::uint64_t recycle_above = 0;
    /// A worker that has had nothing to do for so long leaves, and is replaced when there is something to do; 0: never. A
    /// negative time is refused.
    time_span idle_time{};

    /// The processors to keep the workers on: worker i runs on processors[i % size] only. Empty: wherever the system
    /// puts them. `available_processors()` (thread_pool_options.hpp) names all there are.
    std::vector<unsigned> processors{};
    /// By how much workers are nicer than the program is: 0 to 19. Nicer ones get less of a busy processor.
    int niceness = 0;
    /// How many bytes of memory a worker may allocate, what it has when it starts included; 0: as many as the program. A task
    /// that asks for more gets std::bad_alloc, and the worker lives on. Counted is what is promised, in RAM or not; memory
    /// shared with the program is not. (RLIMIT_DATA)
    std::uint64_t memory_limit = 0;
    /// What becomes of what tasks print to standard output and error. Collected output (`lines`, `capture`) is kept apart by
    /// task and bounded: 1 MiB per task and stream, the rest is dropped. A task that is lost has it in
    /// `worker_lost::output()`, too.
    worker_output output = worker_output::inherit;
    /// Is told what is collected; not owned, must live as long as the pool. May be null.
    output_observer* on_output = nullptr;
    /// Whether `worker_lost::stack()` says where a worker was when it crashed (SIGSEGV, SIGBUS, SIGFPE, SIGILL,
    /// SIGABRT). Costs a worker a few system calls when it starts, a descriptor, and 8 KiB of shared memory. A signal
    /// for which the process has a handler already, or a task installs one, is not reported.
    bool crash_stacks = false;
    /// Further limits for the workers (soft ones). Those not named stay as they are for the program.
    std::vector<process_limit> limits{};
};

namespace detail {

/// Throws std::invalid_argument if the workers cannot be kept to this limit.
void check_limit(const process_limit& limit);

/// A span in nanoseconds that can be added to any time.
inline std::int64_t bounded_ns(std::chrono::nanoseconds span) noexcept {
    return std::min<std::int64_t>(span.count(), std::int64_t{1} << 60);
}

/// Checks the options and puts them as the core wants them. Throws std::invalid_argument.
process_setup to_setup(const process_pool_options& options);

}  // namespace detail

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/process_pool_options.ipp>
#endif
