// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: a program that sleeps until the time has come, kills its child and reaps it.
#include "question.hpp"

namespace {

class contender {
public:
    void run() {
        const bench::child child([] { bench::process_deadline::sleep_long(0); });
        bench::process_deadline::notes()->running.wait_while(0);
        std::this_thread::sleep_until(bench::process_deadline::notes()->began +
                                      bench::process_deadline::limit);
        kill(child.pid(), SIGKILL);
    }
};

}  // namespace

int main(int argc, char** argv) {
    bench::process_deadline::notes();
    return bench::process_deadline::main<contender>(argc, argv);
}
