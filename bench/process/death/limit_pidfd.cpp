// SPDX-License-Identifier: MIT
// Not a pool but the machine's limit: the pidfd of a child of the program's own, and another fork.
#include "question.hpp"

#include <poll.h>

namespace {

class contender {
public:
    void kill() {
        const bench::child victim([] { bench::process_death::die(0); });
        pollfd gone{static_cast<int>(syscall(SYS_pidfd_open, victim.pid(), 0)), POLLIN, 0};
        bench::require(gone.fd >= 0 && poll(&gone, 1, -1) == 1, "there are no pidfds");
        close(gone.fd);
    }
    int run(int i) { return static_cast<int>(bench::futex_echo().run(static_cast<std::uint64_t>(i))); }
};

}  // namespace

int main(int argc, char** argv) {
    bench::process_death::notes();
    return bench::process_death::main<contender>(argc, argv);
}
