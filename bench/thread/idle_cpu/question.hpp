// SPDX-License-Identifier: MIT
#pragma once

/// How much processor time does a pool use that has nothing to do?
///
/// Measured: the processor time of the whole program. `after_work`: in the 100 ms that follow 1,000 round
/// trips. `idle`: a second of the time after that, in which nothing happens. `waiting`: while a thread
/// outside the pool waits 100 ms for a task that sleeps so long. The program itself uses a few hundredths of
/// a millisecond.

#include "../../harness.hpp"

#include <ctime>
#include <memory>
#include <thread>
#include <utility>

namespace bench::thread_idle_cpu {

inline constexpr unit milliseconds_used{"ms of CPU", 1e3};
inline constexpr unit milliseconds_a_second{"ms of CPU a second", 1e3};

inline void sleep(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// Seconds of processor time that the program uses while `f()` runs.
template <class F>
double processor_seconds_of(F f) {
    const auto now = [] {
        timespec time{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    };
    const double start = now();
    f();
    return now() - start;
}

/// A pool as a contender. All its threads must exist after `work()`.
template <class Pool>
class by_future {
public:
    explicit by_future(unsigned threads) : pool_(threads) {}

    void work() {
        for (int i = 0; i < 1000; ++i) pool_.submit([i] { return i; }).get();
    }
    void wait_for(double seconds) {
        pool_
            .submit([seconds] {
                sleep(seconds);
                return 0;
            })
            .get();
    }

private:
    Pool pool_;
};

/// `Contender` is constructed with the number of threads, and has `work()`, and `wait_for(seconds)` if it can
/// wait for a task outside the pool.
template <class Contender>
int main(int argc, char** argv) {
    program here(argc, argv);
    const double window = here.quick() ? 0.01 : 0.5;
    here.add_single("thread/idle_cpu/after_work", milliseconds_used, 3, [] {
        return [contender = std::make_unique<Contender>(workers())] {
            contender->work();
            const double used = processor_seconds_of([] { sleep(0.1); });
            return sample{0.1, used * milliseconds_used.per_second};
        };
    });
    here.add_single("thread/idle_cpu/idle", milliseconds_a_second, 1, [window] {
        return [window, contender = std::make_unique<Contender>(workers())] {
            contender->work();
            sleep(0.1);
            const double used = processor_seconds_of([window] { sleep(window); });
            return sample{window, used / window * milliseconds_a_second.per_second};
        };
    });
    if constexpr (requires(Contender pool) { pool.wait_for(1.0); }) {
        here.add_single("thread/idle_cpu/waiting", milliseconds_used, 3, [] {
            return [contender = std::make_unique<Contender>(workers())] {
                contender->work();
                sleep(0.1);
                const double used = processor_seconds_of([&] { contender->wait_for(0.1); });
                return sample{0.1, used * milliseconds_used.per_second};
            };
        });
    }
    return here.run();
}

}  // namespace bench::thread_idle_cpu
