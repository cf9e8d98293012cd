// SPDX-License-Identifier: MIT
// By hand: a thread a stage and textbook queues between them. With one thread for each transform, the order
// is kept.
#include "../../textbook_queue.hpp"
#include "question.hpp"

#include <optional>
#include <thread>

namespace {

using namespace bench::pipeline_in_order;

class contender {
public:
    item run(const stages& of) {
        queue raw(in_flight);
        queue half(in_flight);
        queue done(in_flight);
        std::thread source([&] {
            for (item i = 0; i < of.items; ++i) raw.push(i);
            raw.push(std::nullopt);
        });
        std::thread first([&] { transform(raw, half, [&](item i) { return of.first(i); }); });
        std::thread second([&] { transform(half, done, [&](item i) { return of.second(i); }); });
        checksum sink;
        while (const auto value = done.pop()) sink.take(*value);
        source.join();
        first.join();
        second.join();
        return sink.value();
    }

private:
    using queue = bench::textbook_queue<std::optional<item>>;  // nullopt: the end

    template <class F>
    static void transform(queue& from, queue& to, F f) {
        while (const auto value = from.pop()) to.push(f(*value));
        to.push(std::nullopt);
    }
};

}  // namespace

int main(int argc, char** argv) { return bench::pipeline_in_order::main<contender>(argc, argv); }
