// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: threads that wait awake, and shares fixed beforehand.
#include "../../awake_crew.hpp"
#include "question.hpp"

#include <algorithm>

namespace {

class contender {
public:
    /// The items grow, and each thousand has a long one: so a thread has every other thousand or so, to and fro.
    template <class F>
    void run(std::size_t size, F f) {
        const std::size_t parts = crew_.parts();
        crew_.run([&](unsigned part) {
            for (std::size_t block = 0; block * 1000 < size; ++block) {
                const std::size_t turn = block % (2 * parts);
                if ((turn < parts ? turn : 2 * parts - 1 - turn) != part) continue;
                for (std::size_t i = block * 1000; i != std::min(size, (block + 1) * 1000); ++i) f(i);
            }
        });
    }

private:
    bench::awake_crew crew_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_irregular::main<contender>(argc, argv); }
