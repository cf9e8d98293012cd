// SPDX-License-Identifier: MIT
#pragma once

/// What every benchmark program is made of.
///
/// One program is one contender's answer to one question: `bench/<question>/<contender>.cpp`. The question's
/// `question.hpp` holds the work, the checks and what is timed, so all contenders do the same; the
/// contender's file holds only what differs. `report.py` runs the programs in turn, several rounds of all of
/// them, and compares.
///
/// Google Benchmark does the repeating and writes the file; each program reports one or more rows by `add`. A
/// row's figure is the median of its samples, as the machine's hiccups are not the contender's.

#include <benchmark/benchmark.h>

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

using clock = std::chrono::steady_clock;

/// Seconds since `start`.
inline double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
}

/// Threads of a pool under test: the processors this program may use.
inline unsigned workers() {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return static_cast<unsigned>(std::max(1, CPU_COUNT(&allowed)));
    return std::max(1U, std::thread::hardware_concurrency());
}

/// Keeps the calling thread on the `index`-th of the processors this program may use.
inline void pin(unsigned index) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    index %= static_cast<unsigned>(std::max(1, CPU_COUNT(&allowed)));
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed) || index-- != 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

/// Fails the contender's row: it did not do the work it is timed for.
inline void require(bool done, const char* what) {
    if (!done) throw std::runtime_error(what);
}

/// What a contender throws that cannot answer a row by its nature: it has no call for it, or deadlocks. That is
/// a finding and no failure: the report says it instead of a figure.
class unable : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The element below which a share of `part` of the samples lies.
inline double quantile(std::vector<double>& samples, double part) {
    const auto rank = static_cast<std::ptrdiff_t>(part * static_cast<double>(samples.size() - 1) + 0.5);
    std::nth_element(samples.begin(), samples.begin() + rank, samples.end());
    return samples[static_cast<std::size_t>(rank)];
}

/// A way to turn seconds into a figure. A unit that ends in "/s" or starts with "%" is better when larger.
struct unit {
    const char* name;
    double per_second;  // figure of one second, or of one piece a second
};

/// One measurement.
struct sample {
    double seconds;  // how long it took, for Google Benchmark to know when it has enough
    double figure;   // what goes into the report, in the row's unit
};

/// A cost per piece of work, such as ns a task.
inline sample cost(double seconds, std::size_t pieces, const unit& in) {
    return {seconds, seconds / static_cast<double>(pieces) * in.per_second};
}
/// A rate, such as M items/s.
inline sample rate(double seconds, std::size_t pieces, const unit& in) {
    return {seconds, static_cast<double>(pieces) / seconds * in.per_second};
}

/// The program: reads the command line, takes the rows and runs them.
///
/// `--quick` makes everything so small that it only shows that it works.
class program {
public:
    program(int argc, char** argv) : argc_(argc), argv_(argv) {
        const auto quick = std::remove_if(argv + 1, argv + argc,
                                          [](const char* word) { return std::strcmp(word, "--quick") == 0; });
        quick_ = quick != argv + argc;
        argc_ = static_cast<int>(quick - argv);
        *quick = nullptr;
        benchmark::Initialize(&argc_, argv_);
    }

    [[nodiscard]] bool quick() const { return quick_; }
    /// `full`, or a hundredth of it (at least 1) when quick.
    [[nodiscard]] std::size_t scaled(std::size_t full) const {
        return quick_ ? std::max<std::size_t>(1, full / 100) : full;
    }

    /// A row whose samples are many pieces of work each, repeated for a tenth of a second after one that does not count: it
    /// has started threads and touched memory for the first time, and of a slow contender there may be but one more.
    /// `prepare()` returns the function that takes one sample.
    template <class Prepare>
    void add(const char* row, const unit& in, Prepare prepare) {
        const auto warm = [prepare = std::move(prepare)] {
            auto take_sample = prepare();
            take_sample();
            return take_sample;
        };
        registered(row, in, false, warm)->MinTime(quick_ ? 0.001 : 0.1);
    }
    /// A row whose samples are one piece of work each, `count` of them. From 1,000 on, there is a row
    /// `<row>/p99` too.
    template <class Prepare>
    void add_single(const char* row, const unit& in, std::size_t count, Prepare prepare) {
        registered(row, in, count >= 1000, std::move(prepare))
            ->Iterations(static_cast<benchmark::IterationCount>(scaled(count)));
    }

    /// A row that says how much memory the program has had at most by then; to be added after the rows that use it.
    void add_peak_memory(const char* row) {
        static constexpr unit mib{"MiB", 1};
        add_single(row, mib, 1, [] {
            return [] {
                rusage used{};
                ::getrusage(RUSAGE_SELF, &used);
                return sample{1e-3, static_cast<double>(used.ru_maxrss) / 1024};
            };
        });
    }

    /// Measures all rows. Returns what `main` returns.
    int run() {
        if (benchmark::ReportUnrecognizedArguments(argc_, argv_)) return 2;
        benchmark::RunSpecifiedBenchmarks();
        benchmark::Shutdown();
        return 0;
    }

private:
    template <class Prepare>
    static benchmark::internal::Benchmark* registered(const char* row, const unit& in, bool tail,
                                                      Prepare prepare) {
        return benchmark::RegisterBenchmark(
                   row, [in, tail, prepare](benchmark::State& state) { measure(state, in, tail, prepare); })
            ->UseManualTime();
    }

    template <class Prepare>
    static void measure(benchmark::State& state, const unit& in, bool tail, const Prepare& prepare) {
        std::vector<double> figures;
        try {
            auto take_sample = prepare();
            for ([[maybe_unused]] auto _ : state) {
                const sample taken = take_sample();
                state.SetIterationTime(taken.seconds);
                figures.push_back(taken.figure);
            }
        } catch (const unable& why) {
            state.SkipWithError((std::string("unable: ") + why.what()).c_str());
            return;
        } catch (const std::exception& error) {
            state.SkipWithError(error.what());
            return;
        }
        state.SetLabel(in.name);
        state.counters["value"] = quantile(figures, 0.5);
        if (tail) state.counters["p99"] = quantile(figures, 0.99);
    }

    int argc_;
    char** argv_;
    bool quick_ = false;
};

}  // namespace bench
