// expect: yoke::fetch: this executor cannot run the page source
// SPDX-License-Identifier: MIT
// expect: it is no lambda with captures
#include <yoke/algorithm/fetch.hpp>
#include <yoke/executor/process_pool.hpp>

#include <cstdint>
#include <vector>

struct store {
    std::uint64_t rows;
    std::vector<int> operator()(yoke::page_request page) const {
        return page.offset < rows ? std::vector<int>{1} : std::vector<int>{};
    }
};

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    yoke::process_pool processes(1);
#ifdef YOKE_FIXED
    const store source{10};
#else
    const auto source = [inner = store{10}](yoke::page_request page) { return inner(page); };
#endif
    return yoke::fetch(processes, source, {.limit = 1}).next() ? 0 : 1;
}
