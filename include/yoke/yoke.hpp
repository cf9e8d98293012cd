// SPDX-License-Identifier: MIT
#pragma once

/// Everything but the adapters, each of which needs a library of its own (<yoke/adapter/...>). Programs that use one
/// part include that part's header and pay for nothing else.

#include <yoke/algorithm/consume.hpp>
#include <yoke/algorithm/fetch.hpp>
#include <yoke/algorithm/invoke.hpp>
#include <yoke/algorithm/map.hpp>
#include <yoke/algorithm/map_options.hpp>
#include <yoke/algorithm/pipeline.hpp>
#include <yoke/algorithm/reduce.hpp>
#include <yoke/algorithm/scan.hpp>
#include <yoke/algorithm/sort.hpp>
#include <yoke/algorithm/timer.hpp>
#include <yoke/concept/archetypes.hpp>
#include <yoke/concept/executor.hpp>
#include <yoke/concept/page_source.hpp>
#include <yoke/concept/queue.hpp>
#include <yoke/concept/receiver.hpp>
#include <yoke/dropped_error.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/inline_executor.hpp>
#include <yoke/executor/task_group.hpp>
#include <yoke/executor/thread_pool.hpp>
#include <yoke/executor/thread_pool_options.hpp>
#include <yoke/executor/with.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>
#include <yoke/observe/pipeline_statistics.hpp>
#include <yoke/observe/pool_observer.hpp>
#include <yoke/observe/pool_statistics.hpp>
#include <yoke/observe/progress.hpp>
#include <yoke/observe/trace.hpp>
#include <yoke/queue/bounded_queue.hpp>
#include <yoke/schedule.hpp>
#include <yoke/time_span.hpp>
#include <yoke/version.hpp>
#include <yoke/wire/codec.hpp>
#include <yoke/wire/registered_exception.hpp>
#include <yoke/worker_local.hpp>

#if defined(__linux__)
#include <yoke/executor/process_pool.hpp>
#include <yoke/executor/shared_memory_resource.hpp>
#include <yoke/executor/this_task.hpp>
#include <yoke/queue/shared_queue.hpp>
#include <yoke/runtime.hpp>
#endif
