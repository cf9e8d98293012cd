// expect: yoke::from: the elements of an lvalue range are copied, and these cannot be
// SPDX-License-Identifier: MIT
#include <yoke/algorithm/pipeline.hpp>

#include <memory>
#include <utility>
#include <vector>

int main() {
    std::vector<std::unique_ptr<int>> items(2);
#ifdef YOKE_FIXED
    auto all = yoke::from(std::move(items)) | yoke::collect();
#else
    auto all = yoke::from(items) | yoke::collect();
#endif
    return static_cast<int>(all.size());
}
