// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: threads that wait awake, and shares fixed beforehand.
#include "../../awake_crew.hpp"
#include "question.hpp"

#include <array>
#include <numeric>

namespace {

class contender {
public:
    double run(const std::vector<double>& numbers) {
        std::vector<double> sums(crew_.parts());
        crew_.run_shares(numbers.size(), [&](std::size_t from, std::size_t to, unsigned part) {
            std::array<double, 16> lanes{};  // or each addition would wait for the one before
            std::size_t i = from;
            for (; i + lanes.size() <= to; i += lanes.size())
                for (std::size_t lane = 0; lane != lanes.size(); ++lane) lanes[lane] += numbers[i + lane];
            sums[part] = std::accumulate(lanes.begin(), lanes.end(), 0.0);
            for (; i != to; ++i) sums[part] += numbers[i];
        });
        return std::accumulate(sums.begin(), sums.end(), 0.0);
    }

private:
    bench::awake_crew crew_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_sum::main<contender>(argc, argv); }
