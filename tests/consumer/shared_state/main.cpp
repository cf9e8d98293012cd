// SPDX-License-Identifier: MIT
//
// Both libraries have their own copy of yoke's code, but there must be one copy of its state: the right library waits
// inside a task of the left one, on a pool with one worker, which is initialized. Only if it knows that it is this worker
// does it run the awaited task itself; else this never ends. And errors that the right one drops are told to the handler
// that the program has installed, and counted by the pool of the left one. An exception that both have registered crosses
// from one to the other.
#include "libraries.hpp"

#include <yoke/dropped_error.hpp>

#include <cstdio>

namespace {

int told = 0;

}  // namespace

int main() {
    yoke::on_dropped_error([](std::exception_ptr, const yoke::dropped_error_origin&) { ++told; });
    const int answer = call_in_a_task_of_the_left(wait_on_the_right);
    const int dropped = call_in_a_task_of_the_left(drop_an_error_on_the_right);
    const int crossed = decode_on_the_right(encode_on_the_left(17));
    std::printf("%d %d %d %d %d\n", answer, dropped, told, static_cast<int>(yoke::dropped_errors()), crossed);
    return answer == 42 && crossed == 17 && dropped == 1 && told == 1 && yoke::dropped_errors() == 1 ? 0 : 1;
}
