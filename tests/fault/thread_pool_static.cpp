// SPDX-License-Identifier: MIT
// labels: concurrent
// own-main
//
// A thread pool with static storage, used before main() begins, after it has returned, and by functions that
// run at exit. The program passes if it ends, with status 0.
#include <yoke/executor/thread_pool.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

void check(bool right, const char* what) {
    if (right) return;
    std::fprintf(stderr, "failed: %s\n", what);
    std::_Exit(1);
}

yoke::thread_pool& late_pool() {
    static yoke::thread_pool pool(2);  // made when the program already exits
    return pool;
}

/// Made before the pool below and destroyed after it.
struct outermost {
    ~outermost() {
        // The pool is gone, and with it everything that it accepted.
        check(ran == 4, "every accepted task has run");
    }
    std::atomic<int> ran{0};
} outer;

yoke::thread_pool early_pool(2);

struct user {
    user() {
        check(early_pool.submit([] { return 1; }).get() == 1, "a static object uses the pool");
        std::atexit([] {
            check(late_pool().submit([] { return 2; }).get() == 2,
                  "a function at exit uses a pool that lives");
            early_pool.detach([] { ++outer.ran; });
        });
    }
    ~user() {
        check(early_pool.submit([] { return 3; }).get() == 3,
              "a static object uses the pool in its destructor");
        early_pool.detach([] { ++outer.ran; });
    }
} static_user;

}  // namespace

int main() {
    std::atexit([] { early_pool.detach([] { ++outer.ran; }); });
    early_pool.detach([] { ++outer.ran; });
    return 0;
}
