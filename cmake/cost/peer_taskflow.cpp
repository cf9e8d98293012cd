// Taskflow, one async
#include <taskflow/taskflow.hpp>

int main() {
    tf::Executor executor;
    return executor.async([] { return 0; }).get();
}
