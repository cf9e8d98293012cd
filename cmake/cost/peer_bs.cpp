// BS::thread_pool, one submit
#include <BS_thread_pool.hpp>

int main() {
    BS::thread_pool<> pool;
    return pool.submit_task([] { return 0; }).get();
}
