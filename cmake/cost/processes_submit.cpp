// one submit on processes
// budget: 18.5 compiled 18.5, goal: 7.0 compiled 2.6
#include <yoke/executor/process_pool.hpp>

int main() {
    yoke::process_pool pool;
    return pool.submit([] { return 0; }).get();
}
