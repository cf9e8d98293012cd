// SPDX-License-Identifier: MIT
// yoke::process_pool.
#include "question.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

namespace {

class contender {
public:
    void kill() {
        try {
            pool_.submit(bench::process_death::die, 0).get();
        } catch (const yoke::worker_lost&) {
            return;
        }
        throw std::logic_error("the worker has survived");
    }
    int run(int i) {
        return pool_.submit([](int value) { return value + 1; }, i).get();
    }

private:
    yoke::process_pool pool_{1};
};

}  // namespace

int main(int argc, char** argv) {
    bench::process_death::notes();
    const yoke::runtime rt{argc, argv};
    return bench::process_death::main<contender>(argc, argv);
}
