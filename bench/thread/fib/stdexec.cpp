// SPDX-License-Identifier: MIT
// stdexec's when_all and start_detached, the sender's type erased, as in its own benchmark.
#include "../../pool/stdexec.hpp"
#include "question.hpp"

#include <exec/any_sender_of.hpp>

namespace {

class contender {
public:
    explicit contender(unsigned threads) : pool_(threads) {}
    std::uint64_t fib(int n) { return std::get<0>(*stdexec::sync_wait(number(below{pool_.scheduler(), n}))); }

private:
    using scheduler = decltype(std::declval<bench::stdexec_pool&>().scheduler());
    using signatures = stdexec::completion_signatures<stdexec::set_value_t(std::uint64_t)>;
    using number = exec::any_sender<exec::any_receiver<signatures>>;

    struct below {
        using sender_concept = stdexec::sender_tag;
        using completion_signatures = signatures;

        scheduler on;
        int n;

        template <class Receiver>
        struct operation {
            Receiver receiver;
            scheduler on;
            int n;

            void start() & noexcept {
                if (n < 2) return stdexec::set_value(std::move(receiver), static_cast<std::uint64_t>(n));
                const auto child = [this](int m) { return stdexec::starts_on(on, number(below{on, m})); };
                exec::start_detached(
                    stdexec::when_all(child(n - 1), child(n - 2)) |
                    stdexec::then([to = std::move(receiver)](std::uint64_t a, std::uint64_t b) mutable {
                        stdexec::set_value(std::move(to), a + b);
                    }));
            }
        };

        template <stdexec::receiver_of<signatures> Receiver>
        auto connect(Receiver receiver) const -> operation<Receiver> {
            return {std::move(receiver), on, n};
        }
    };

    bench::stdexec_pool pool_;
};

}  // namespace

int main(int argc, char** argv) { return bench::thread_fib::main<contender>(argc, argv); }
