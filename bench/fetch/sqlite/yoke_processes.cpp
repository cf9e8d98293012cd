// SPDX-License-Identifier: MIT
// yoke::fetch over yoke::sqlite::table_source on yoke::process_pool.
#include "yoke_source.hpp"

#include <yoke/executor/process_pool.hpp>
#include <yoke/runtime.hpp>

namespace {

using namespace bench::fetch_sqlite;

class contender {
public:
    explicit contender(const std::string& path) : source_(table_of(path)) {}

    totals run(std::uint64_t rows, std::uint64_t rows_a_page) {
        return fetch_all(pool_, source_, rows, rows_a_page);
    }

private:
    table source_;
    yoke::process_pool pool_{bench::workers()};
};

}  // namespace

int main(int argc, char** argv) {
    const yoke::runtime rt{argc, argv};
    return bench::fetch_sqlite::main<contender>(argc, argv);
}
