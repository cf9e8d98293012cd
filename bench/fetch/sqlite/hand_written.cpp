// SPDX-License-Identifier: MIT
// By hand: a thread per processor takes the next range of keys until there is none.
#include "question.hpp"

#include <atomic>
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

    totals run(std::uint64_t rows, std::uint64_t rows_a_page) {
        std::vector<std::vector<row>> pages((rows + rows_a_page - 1) / rows_a_page);
        std::atomic<std::size_t> next{0};
        std::vector<std::thread> crew;
        for (const auto& mine : queries_) {
            crew.emplace_back([&] {
                for (std::size_t page = next++; page < pages.size(); page = next++) {
                    pages[page].reserve(rows_a_page);
                    const std::uint64_t from = page * rows_a_page;
                    mine->each(from, from + rows_a_page, [&](const row& one) { pages[page].push_back(one); });
                }
            });
        }
        for (auto& worker : crew) worker.join();
        totals sum;
        for (const auto& page : pages)
            for (const auto& one : page) sum.add(one);
        return sum;
    }

private:
    std::vector<std::unique_ptr<query>> queries_;
};

}  // namespace

int main(int argc, char** argv) { return bench::fetch_sqlite::main<contender>(argc, argv); }
