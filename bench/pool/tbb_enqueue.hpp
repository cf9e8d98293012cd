// SPDX-License-Identifier: MIT
#pragma once

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <future>
#include <memory>
#include <type_traits>
#include <utility>

namespace bench {

/// oneTBB's task_arena::enqueue: the tasks run on TBB's own threads. It has no way to wait for them and no
/// future, so the latter is std::promise's.
class tbb_enqueue_pool {
public:
    explicit tbb_enqueue_pool(unsigned threads)
        // One more: TBB counts the calling thread, which takes no part here.
        : threads_(tbb::global_control::max_allowed_parallelism, threads + 1),
          arena_(static_cast<int>(threads), 0) {}

    template <class F>
    void detach(F f) {
        arena_.enqueue(f);
    }
    template <class F>
    auto submit(F f) {
        using result = std::invoke_result_t<F&>;
        // TBB calls a const copy of what it is given, hence the pointer.
        auto promise = std::make_shared<std::promise<result>>();
        auto future = promise->get_future();
        arena_.enqueue([f, promise = std::move(promise)] { promise->set_value(f()); });
        return future;
    }

private:
    tbb::global_control threads_;
    tbb::task_arena arena_;
};

}  // namespace bench
