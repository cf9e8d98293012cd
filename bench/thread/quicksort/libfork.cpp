// SPDX-License-Identifier: MIT
// libfork's fork, call and join.
#include "../../pool/libfork.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    void run(std::vector<double>& numbers) {
        lf::sync_wait(pool_.scheduler(), sort, numbers.data(), numbers.data() + numbers.size());
    }

private:
    static constexpr auto sort = [](auto sort, double* first, double* last) -> lf::task<void> {
        if (last - first < bench::thread_quicksort::few) {
            std::sort(first, last);
            co_return;
        }
        const auto [lower, upper] = bench::thread_quicksort::divide(first, last);
        co_await lf::fork(sort)(upper, last);
        co_await lf::call(sort)(first, lower);
        co_await lf::join;
    };

    bench::libfork_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_quicksort::main<contender>(argc, argv); }
