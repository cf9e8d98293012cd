// SPDX-License-Identifier: MIT
/// How fast is memory?
///
/// STREAM's triad, a[i] = b[i] + 3 c[i], over three arrays of 10,000,000 doubles, counted as 24 bytes an
/// element as STREAM does. `one_thread`, and `all_threads`: a pinned thread for each processor, each on its
/// part of the arrays.

#include "../../harness.hpp"

#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace {

constexpr bench::unit gigabytes{"GB/s", 1e-9};

class triad {
public:
    explicit triad(std::size_t elements) : a_(elements), b_(elements, 1.0), c_(elements, 2.0) {}

    /// Seconds from the start of all threads to the end of the last.
    double run(unsigned threads) {
        std::latch ready(threads);
        std::latch go(1);
        std::vector<std::thread> crew;
        for (unsigned i = 0; i < threads; ++i) {
            crew.emplace_back([&, i] {
                bench::pin(i);
                ready.count_down();
                go.wait();
                part(a_.size() * i / threads, a_.size() * (i + 1) / threads);
            });
        }
        ready.wait();
        const auto start = bench::clock::now();
        go.count_down();
        for (auto& thread : crew) thread.join();
        const double seconds = bench::seconds_since(start);
        bench::require(a_.front() == 7.0 && a_.back() == 7.0, "the sum is wrong");
        return seconds;
    }
    [[nodiscard]] std::size_t bytes() const { return 3 * sizeof(double) * a_.size(); }

private:
    void part(std::size_t from, std::size_t to) {
        double* const a = a_.data();
        const double* const b = b_.data();
        const double* const c = c_.data();
        for (std::size_t i = from; i < to; ++i) a[i] = b[i] + 3.0 * c[i];
        benchmark::ClobberMemory();
    }

    std::vector<double> a_;
    std::vector<double> b_;
    std::vector<double> c_;
};

}  // namespace

int main(int argc, char** argv) {
    bench::program here(argc, argv);
    const auto arrays = std::make_shared<triad>(here.scaled(10'000'000));
    const auto sample_of = [arrays](unsigned threads) {
        return [arrays, threads] {
            return
                [arrays, threads] { return bench::rate(arrays->run(threads), arrays->bytes(), gigabytes); };
        };
    };
    here.add("limits/stream/one_thread", gigabytes, sample_of(1));
    here.add("limits/stream/all_threads", gigabytes, sample_of(bench::workers()));
    return here.run();
}
