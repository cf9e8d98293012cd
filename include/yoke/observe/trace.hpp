// SPDX-License-Identifier: MIT
#pragma once

/// Records what happens when, on which thread, for a look at it in Perfetto (https://ui.perfetto.dev) or any other
/// viewer of Chrome's trace format.
///
///     yoke::trace trace;
///     {
///         yoke::thread_pool pool({.observer = &trace});       // its tasks and its workers' sleep
///         const yoke::trace::span all(trace, "the whole run");  // and what you name yourself
///         ...
///     }
///     trace.save("run.json");
///
/// Each thread writes to a buffer of its own, without a lock. A full buffer takes no more; how much
/// was left out `dropped()` tells.

#include <yoke/detail/base/config.hpp>
#include <yoke/detail/base/json_text.hpp>
#include <yoke/observe/pool_observer.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace yoke {

/// A record of spans and moments. All members may be called from any thread; the destructor must be the last call, and
/// comes after the end of the pools that are observed.
class trace final : public pool_observer {
    using clock = std::chrono::steady_clock;
    struct entry;
    class buffer;

public:
    /// Names longer than this are cut, to this many bytes or a few less.
    static constexpr std::size_t longest_name = 54;

    /// Each thread can record `entries` of 64 bytes: a span takes two, a mark takes one.
    explicit trace(std::size_t entries = std::size_t{1} << 16) : entries_(entries) {}

    /// Records how long it lives, under a name, on the thread that makes and destroys it. Spans on one thread end in
    /// the reverse order of their beginning.
    class span {
    public:
        span(trace& to, std::string_view name) noexcept : buffer_(to.mine()) {
            if (buffer_ != nullptr) buffer_->begin(name);
        }
        ~span() {
            if (buffer_ != nullptr) buffer_->end();
        }
        span(const span&) = delete;
        span& operator=(const span&) = delete;

    private:
        buffer* const buffer_;
    };

    /// Records a moment.
    void mark(std::string_view name) noexcept {
        if (buffer* const own = mine()) own->mark(name);
    }

    /// Names the calling thread in the record. (A pool's workers are named like their threads.)
    void name_thread(std::string_view name);

    /// How many spans and marks are missing because their thread's buffer was full.
    [[nodiscard]] std::uint64_t dropped() const {
        const std::lock_guard lock(mutex_);
        return dropped_by_all();
    }

    /// Writes what has been recorded until now, as JSON. Recording may go on meanwhile; spans that have not ended are
    /// written as such.
    void write(std::ostream& to) const {
        write_by([&to](std::string_view text) {
            to.write(text.data(), static_cast<std::streamsize>(text.size()));
        });
    }
    /// The same, to a file. Throws std::system_error, which names it, if that cannot be written.
    void save(const std::string& path) const;

    // pool_observer

    void worker_started(std::string_view pool, std::size_t worker) noexcept override;
    void task_begin(std::size_t) noexcept override { begin_span("task"); }
    void task_end(std::size_t) noexcept override { end_span(); }
    void span_begin(std::size_t, std::string_view name) noexcept override { begin_span(name); }
    void span_end(std::size_t) noexcept override { end_span(); }
    void sleep_begin(std::size_t) noexcept override { begin_span("sleep"); }
    void sleep_end(std::size_t) noexcept override { end_span(); }

private:
    /// What happened at one time on one thread, as Chrome's format has it.
    struct entry {
        std::int64_t time;  // nanoseconds since the trace was made
        char phase;         // B and E: begin and end, i: a moment
        unsigned char name_size;
        char name[longest_name];
    };
    static_assert(sizeof(entry) == 64);

    /// One thread's entries. Only that thread writes, and tells by `size_` how far it has come.
    class buffer {
    public:
        buffer(const trace& of, std::size_t room)
            : start_(of.start_), room_(room), entries_(std::make_unique_for_overwrite<entry[]>(room)) {}

        // A begin is recorded only if there is room for the ends of all that are open, so what is in the record is
        // balanced. A begin and its end together use up the same room whatever happens between, so once one is
        // left out, all that begins later is: what ends first is what was left out last.
        void begin(std::string_view name) noexcept;
        void end() noexcept;
        void mark(std::string_view name) noexcept;

        template <class Use>
        void for_each(Use&& use) const {
            const std::size_t size = size_.load(std::memory_order_acquire);
            for (std::size_t i = 0; i != size; ++i) use(entries_[i]);
        }

        std::atomic<std::uint64_t> dropped{0};
        const std::uint64_t thread = this_thread().number;
        std::string thread_name{};  // under the trace's lock

    private:
        void add(char phase, std::string_view name) noexcept;
        void note_dropped() noexcept {
            dropped.store(dropped.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        }

        const clock::time_point start_;
        const std::size_t room_;
        const std::unique_ptr<entry[]> entries_;
        std::atomic<std::size_t> size_{0};
        std::size_t open_ = 0;      // spans that are recorded and have not ended
        std::size_t left_out_ = 0;  // spans that are not recorded and have not ended
    };

    void begin_span(std::string_view name) noexcept {
        if (buffer* const own = mine()) own->begin(name);
    }
    void end_span() noexcept {
        if (buffer* const own = mine()) own->end();
    }

    /// What a thread knows about itself.
    struct thread_record {
        std::uint64_t number;     // of all threads that ever recorded something, counted from 1
        std::uint64_t trace = 0;  // the number of the trace it last wrote to, and its buffer there
        buffer* its_buffer = nullptr;
    };
    YOKE_SHARED_STATE static std::uint64_t next_number() noexcept {
        static std::atomic<std::uint64_t> last{0};
        return last.fetch_add(1, std::memory_order_relaxed) + 1;
    }
    YOKE_SHARED_STATE static thread_record& this_thread() noexcept {
        static thread_local thread_record record{next_number()};
        return record;
    }

    /// The calling thread's buffer; null if there is no memory for it.
    [[nodiscard]] buffer* mine() noexcept;

    [[nodiscard]] std::uint64_t dropped_by_all() const noexcept {
        std::uint64_t all = unbuffered_.load(std::memory_order_relaxed);
        for (const auto& each : buffers_) all += each->dropped.load(std::memory_order_relaxed);
        return all;
    }

    /// Calls `put` with one piece of the JSON text after the other.
    template <class Put>
    void write_by(Put&& put) const {
        const std::lock_guard lock(mutex_);
        std::string line = "{\"otherData\":{\"dropped\":" + std::to_string(dropped_by_all()) +
                           "},\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
        const char* separator = "\n";
        for (std::size_t i = 0; i != buffers_.size(); ++i) {
            const std::string thread = ",\"pid\":1,\"tid\":" + std::to_string(i + 1);
            line += separator;
            separator = ",\n";
            line += "{\"ph\":\"M\",\"name\":\"thread_name\"" + thread + ",\"args\":{\"name\":";
            const std::string& name = buffers_[i]->thread_name;
            detail::append_json_string(line, name.empty() ? "thread " + std::to_string(i + 1) : name);
            line += "}}";
            buffers_[i]->for_each([&](const entry& it) {
                char time[48];  // in microseconds, as the format wants it
                std::snprintf(time, sizeof time, ",\"ts\":%lld.%03d", static_cast<long long>(it.time / 1000),
                              static_cast<int>(it.time % 1000));
                line += ",\n{\"ph\":\"";
                line += it.phase;
                line += '"';
                line += time;
                line += thread;
                if (it.phase == 'i') line += ",\"s\":\"t\"";
                if (it.phase != 'E') {
                    line += ",\"name\":";
                    detail::append_json_string(line, {it.name, it.name_size});
                }
                line += '}';
                put(line);
                line.clear();
            });
        }
        put(line + "\n]}\n");
    }

    const std::size_t entries_;
    const clock::time_point start_ = clock::now();
    const std::uint64_t number_ = next_number();
    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<buffer>> buffers_;
    std::atomic<std::uint64_t> unbuffered_{0};
};

}  // namespace yoke

#if YOKE_IS_HEADER_ONLY
#include <yoke/observe/trace.ipp>
#endif
