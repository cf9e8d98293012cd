// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: threads that wait awake, and shares fixed beforehand.
#include "../../awake_crew.hpp"
#include "question.hpp"

namespace {

class contender {
public:
    template <class F>
    void run(std::size_t size, F f) {
        crew_.run_shares(size, [&](std::size_t from, std::size_t to, unsigned) {
            for (std::size_t i = from; i != to; ++i) f(i);
        });
    }

private:
    bench::awake_crew crew_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_small_loop::main<contender>(argc, argv); }
