// SPDX-License-Identifier: MIT
// yoke::process_pool.
#include "question.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

std::uint64_t task(std::uint64_t i) { return i + 1; }
std::vector<char> make_text(std::size_t size) { return std::vector<char>(size, 't'); }

class contender {
public:
    std::uint64_t run(std::uint64_t i) { return pool_.submit(task, i).get(); }
    std::vector<char> text(std::size_t size) { return pool_.submit(make_text, size).get(); }

private:
    yoke::process_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    return bench::process_round_trip::main<contender>(argc, argv);
}
