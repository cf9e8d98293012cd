// SPDX-License-Identifier: MIT
// Not a fetch but the limit: SQLite steps through a part of the table on every processor, and nothing is
// kept.
#include "question.hpp"

#include <thread>
#include <vector>

namespace {

using namespace bench::fetch_sqlite;

class contender {
public:
    explicit contender(const std::string& path) {
        for (unsigned i = 0; i < bench::workers(); ++i)
            queries_.push_back(std::make_unique<query>(path, query::by_key));
    }

    totals run(std::uint64_t rows, std::uint64_t /*rows_a_page*/) {
        const std::uint64_t parts = queries_.size();
        std::vector<totals> sums(parts);
        std::vector<std::thread> crew;
        for (std::uint64_t i = 0; i < parts; ++i) {
            crew.emplace_back([&, i] {
                totals mine;  // on this thread's stack: neighbours in `sums` share cache lines
                queries_[i]->each(rows * i / parts, rows * (i + 1) / parts,
                                  [&](const row& one) { mine.add(one); });
                sums[i] = mine;
            });
        }
        for (auto& worker : crew) worker.join();
        totals sum;
        for (const auto& part : sums) sum.add(part);
        return sum;
    }

private:
    std::vector<std::unique_ptr<query>> queries_;
};

}  // namespace

int main(int argc, char** argv) { return bench::fetch_sqlite::main<contender>(argc, argv); }
