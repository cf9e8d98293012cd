// expect: yoke::scan: the operation must take two values of the type of the output's elements, or one and an item
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/scan.hpp>
#include <yoke/executor/thread_pool.hpp>

#include <cstddef>
#include <string>
#include <vector>

int main() {
    yoke::thread_pool pool;
    const std::vector<std::string> words{"a", "bc"};
#ifdef YOKE_FIXED
    std::vector<std::size_t> ends;
    for (const auto& word : words) ends.push_back(word.size());
    yoke::inclusive_scan(pool, ends, ends.begin());
#else
    std::vector<std::string> ends(words.size());
    yoke::inclusive_scan(pool, words, ends.begin(),
                         [](std::size_t end, const std::string& word) { return end + word.size(); });
#endif
}
