// SPDX-License-Identifier: MIT
// Boost.Interprocess: a message queue each way and a process that answers. No pool: no tasks, no futures, no
// recovery.
#include "../../child.hpp"
#include "question.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <unistd.h>

#include <limits>
#include <string>

namespace {

namespace ipc = boost::interprocess;

/// A queue without a name once it is made: the child inherits the mapping.
class anonymous_queue {
public:
    explicit anonymous_queue(const std::string& purpose)
        : name_("bench." + std::to_string(getpid()) + purpose),
          queue_(ipc::create_only, name_.c_str(), 16, sizeof(std::uint64_t)) {
        ipc::message_queue::remove(name_.c_str());
    }
    void send(std::uint64_t value) { queue_.send(&value, sizeof value, 0); }
    std::uint64_t receive() {
        std::uint64_t value = 0;
        ipc::message_queue::size_type size = 0;
        unsigned priority = 0;
        queue_.receive(&value, sizeof value, size, priority);
        return value;
    }

private:
    std::string name_;
    ipc::message_queue queue_;
};

class contender {
public:
    contender() = default;
    contender(const contender&) = delete;
    contender& operator=(const contender&) = delete;
    ~contender() { requests_.send(end); }

    std::uint64_t run(std::uint64_t i) {
        requests_.send(i);
        return results_.receive();
    }

private:
    static constexpr std::uint64_t end = std::numeric_limits<std::uint64_t>::max();

    void serve() {
        for (auto i = requests_.receive(); i != end; i = requests_.receive()) results_.send(i + 1);
    }

    anonymous_queue requests_{"requests"};
    anonymous_queue results_{"results"};
    bench::child child_{[this] { serve(); }};
};

}  // namespace

int main(int argc, char** argv) { return bench::process_round_trip::main<contender>(argc, argv); }
