// SPDX-License-Identifier: MIT
// yoke::thread_pool.
#include "question.hpp"

#include <yoke/executor/thread_pool.hpp>

namespace {

class contender {
public:
    std::uint64_t run(std::size_t trips) {
        auto all = pool_.submit([this, trips] {
            std::uint64_t sum = 0;
            for (std::size_t i = 0; i < trips; ++i)
                sum += pool_.submit(bench::thread_nested_round_trip::task{i}).get();
            return sum;
        });
        static_cast<void>(
            all.wait_until(bench::clock::time_point::max()));  // which, unlike get(), never runs it here
        return all.get();
    }

private:
    yoke::thread_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_nested_round_trip::main<contender>(argc, argv); }
