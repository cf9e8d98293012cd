// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/executor/process_pool_options.hpp>

namespace yoke::detail {

YOKE_INLINE void check_limit(const process_limit& limit) {
    rlimit ours{};
    if (limit.resource < 0 || limit.resource >= static_cast<int>(RLIM_NLIMITS) ||
        ::getrlimit(static_cast<__rlimit_resource_t>(limit.resource), &ours) != 0)
        throw std::invalid_argument("process_pool_options::limits: " + std::to_string(limit.resource) +
                                    " is none of the system's limits; use RLIMIT_NOFILE, RLIMIT_CPU, ...");
    if (limit.value > ours.rlim_max)
        throw std::invalid_argument("process_pool_options: limit " + std::to_string(limit.resource) +
                                    " cannot be " + std::to_string(limit.value) + ": this program's is " +
                                    std::to_string(ours.rlim_max) + ", and a worker cannot have more");
}

YOKE_INLINE process_setup to_setup(const process_pool_options& options) {
    const auto refuse = [](const std::string& what) {
        throw std::invalid_argument("process_pool_options::" + what);
    };
    if (options.max_pending == 0) refuse("max_pending is 0, so no task could ever wait; use 1 or more");
    const std::size_t workers = options.workers != 0 ? options.workers : default_concurrency();
    constexpr std::size_t most = process_board::most_workers;
    if (workers > most)
        refuse("workers is " + std::to_string(workers) + "; at most " + std::to_string(most) +
               " are supported");
    if (options.max_workers != 0 && (options.max_workers < workers || options.max_workers > most))
        refuse("max_workers is " + std::to_string(options.max_workers) + "; it must be from " +
               std::to_string(workers) + ", the number of workers, to " + std::to_string(most));
    if (options.idle_time.count() < 0) refuse("idle_time is negative; 0 means that idle workers stay");
    if (options.niceness < 0 || options.niceness > 19)
        refuse("niceness is " + std::to_string(options.niceness) +
               "; a worker can be nicer than the program by 0 to 19");
    check_processors("process_pool_options", options.processors);

    process_setup setup{
        .workers = static_cast<std::uint32_t>(workers),
        .most_workers = static_cast<std::uint32_t>(
            options.max_workers != 0 ? options.max_workers : std::clamp<std::size_t>(workers * 2, 64, most)),
        .max_pending = options.max_pending,
        .max_pending_bytes = options.max_pending_bytes,
        .crash_limit = static_cast<std::uint32_t>(std::min<std::size_t>(
            options.crash_limit != 0 ? options.crash_limit : 10 + 2 * workers, 1'000'000)),
        .processors = options.processors,
        .init_call = options.initializer.bytes(),
        .init_code = options.initializer.code()};
    setup.terms.init = options.initializer.entry();
    setup.terms.most_tasks = options.tasks_per_worker;
    setup.terms.most_memory = options.recycle_above;
    setup.terms.idle_ns = bounded_ns(options.idle_time);
    setup.terms.niceness = options.niceness;
    setup.terms.collects = options.output != worker_output::inherit ? 1 : 0;
    setup.terms.reports = options.crash_stacks ? 1 : 0;
    setup.observer = options.on_output;
    setup.forward = options.output == worker_output::lines;
    const auto limit_to = [&setup](const process_limit& limit) {
        check_limit(limit);
        setup.terms.limits[static_cast<std::size_t>(limit.resource)] = limit.value;
    };
    if (options.memory_limit != 0) limit_to({RLIMIT_DATA, options.memory_limit});
    for (const process_limit& limit : options.limits) limit_to(limit);
    return setup;
}

}  // namespace yoke::detail
