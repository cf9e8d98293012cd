// expect: yoke::reduce: the operation must take two values of the type of init, or one and an item, and return one
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/reduce.hpp>
#include <yoke/executor/inline_executor.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

int main() {
    yoke::inline_executor ex;
    const std::vector<std::string> words{"a", "bc"};
#ifdef YOKE_FIXED
    const auto length = [](const std::string& word) { return word.size(); };
    return static_cast<int>(yoke::transform_reduce(ex, words, std::size_t{0}, std::plus<>(), length));
#else
    const auto add_length = [](std::string sum, const std::string& word) { return sum.size() + word.size(); };
    return static_cast<int>(yoke::reduce(ex, words, std::string(), add_length).size());
#endif
}
