// what the standard headers cost that a pool cannot do without: the measure of all others
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

int main() {}
