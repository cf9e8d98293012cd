// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/observe/pipeline_statistics.hpp>

namespace yoke {

YOKE_INLINE std::string stage_statistics::label() const {
    std::string text = "stage " + std::to_string(number);
    if (!name.empty()) text += " (" + name + ")";
    return text;
}

YOKE_INLINE const stage_statistics* pipeline_statistics::bottleneck() const noexcept {
    const auto load = [](const stage_statistics& stage) {
        return stage.busy / static_cast<double>(std::max<std::size_t>(stage.limit, 1));
    };
    const auto worst = std::max_element(stages.begin(), stages.end(),
                                        [&](const auto& a, const auto& b) { return load(a) < load(b); });
    return worst == stages.end() ? nullptr : &*worst;
}

YOKE_INLINE std::string to_string(const pipeline_statistics& run) {
    std::size_t width = 5;  // "stage"
    for (const auto& stage : run.stages)
        width = std::max(width, std::to_string(stage.number).size() + 1 + stage.name.size());
    const auto padded = [width](std::string text) {
        text.resize(width, ' ');
        return text;
    };

    std::string table = padded("stage") +
                        "  limit       in      out  errors    busy s    full s starved s held up s  queue\n";
    char numbers[192];
    for (const auto& stage : run.stages) {
        std::snprintf(numbers, sizeof numbers, "  %5zu %8llu %8llu  %6llu %9.3f %9.3f %9.3f %9.3f  %5zu\n",
                      stage.limit, static_cast<unsigned long long>(stage.items_in),
                      static_cast<unsigned long long>(stage.items_out),
                      static_cast<unsigned long long>(stage.errors), stage.busy, stage.full, stage.starved,
                      stage.held_up, stage.longest_queue);
        table += padded(std::to_string(stage.number) + " " + stage.name) + numbers;
    }
    std::snprintf(
        numbers, sizeof numbers, "%llu items in, %llu out, %llu errors, at most %zu of %zu at once, %.3f s\n",
        static_cast<unsigned long long>(run.items_in), static_cast<unsigned long long>(run.items_out),
        static_cast<unsigned long long>(run.errors), run.most_items, run.bound, run.seconds);
    table += numbers;
    if (const auto* worst = run.bottleneck()) table += "bottleneck: " + worst->label() + "\n";
    return table;
}

}  // namespace yoke
