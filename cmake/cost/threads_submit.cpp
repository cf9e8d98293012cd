// one submit on threads
// budget: 5.5 compiled 5.5, goal: 2.2 compiled 1.4
#include <yoke/executor/thread_pool.hpp>

int main() {
    yoke::thread_pool pool;
    return pool.submit([] { return 0; }).get();
}
