// SPDX-License-Identifier: MIT
// yoke::process_pool.
#include "question.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

namespace {

class contender {
public:
    void run() {
        try {
            pool_.submit({.timeout = bench::process_deadline::limit}, bench::process_deadline::sleep_long, 0)
                .get();
        } catch (const yoke::task_timeout&) {
            return;
        }
        throw std::logic_error("the task has come to its end");
    }

private:
    yoke::process_pool pool_{1};
};

}  // namespace

int main(int argc, char** argv) {
    bench::process_deadline::notes();
    const yoke::runtime rt{argc, argv};
    return bench::process_deadline::main<contender>(argc, argv);
}
