// std::async
#include <future>

int main() {
    return std::async(std::launch::async, [] { return 0; }).get();
}
