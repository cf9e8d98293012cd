// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: threads that wait awake, and shares fixed beforehand.
#include "../../awake_crew.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    void run(bench::thread_axpy::vectors v) {
        crew_.run_shares(v.x.size(), [&](std::size_t from, std::size_t to, unsigned) {
            for (std::size_t i = from; i != to; ++i) v.y[i] += v.a * v.x[i];
        });
    }

private:
    bench::awake_crew crew_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_axpy::main<contender>(argc, argv); }
