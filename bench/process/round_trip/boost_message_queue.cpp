// SPDX-License-Identifier: MIT
// Boost.Interprocess: a message queue each way and a process that answers. No pool: no tasks, no futures, no
// recovery.
#include "../../child.hpp"
#include "question.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace {

namespace ipc = boost::interprocess;

/// A queue without a name once it is made: the child inherits the mapping.
class anonymous_queue {
public:
    explicit anonymous_queue(const std::string& purpose)
        : name_("bench." + std::to_string(getpid()) + purpose),
          queue_(ipc::create_only, name_.c_str(), 16, largest) {
        ipc::message_queue::remove(name_.c_str());
    }
    void send(std::uint64_t value) { queue_.send(&value, sizeof value, 0); }
    void send(const std::vector<char>& text) { queue_.send(text.data(), text.size(), 0); }
    std::uint64_t receive() {
        std::vector<char>& message = receive_text();
        std::uint64_t value = 0;
        std::memcpy(&value, message.data(), sizeof value);
        return value;
    }
    /// Valid until the next message.
    std::vector<char>& receive_text() {
        ipc::message_queue::size_type size = 0;
        unsigned priority = 0;
        message_.resize(largest);
        queue_.receive(message_.data(), largest, size, priority);
        message_.resize(size);
        return message_;
    }

private:
    static constexpr std::size_t largest = 64 << 10;
    std::string name_;
    ipc::message_queue queue_;
    std::vector<char> message_;
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
    std::vector<char> text(std::size_t size) {
        requests_.send(size | wants_text);
        return results_.receive_text();
    }

private:
    static constexpr std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
    static constexpr std::uint64_t wants_text = std::uint64_t{1} << 62;

    void serve() {
        for (auto i = requests_.receive(); i != end; i = requests_.receive()) {
            if ((i & wants_text) != 0)
                results_.send(std::vector<char>(static_cast<std::size_t>(i & ~wants_text), 't'));
            else
                results_.send(i + 1);
        }
    }

    anonymous_queue requests_{"requests"};
    anonymous_queue results_{"results"};
    bench::child child_{[this] { serve(); }};
};

}  // namespace

int main(int argc, char** argv) { return bench::process_round_trip::main<contender>(argc, argv); }
