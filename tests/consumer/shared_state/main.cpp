// SPDX-License-Identifier: MIT
//
// Both libraries have their own copy of yoke's code, but there must be one copy of its state: the right library waits
// inside a task of the left one, on a pool with one worker. Only if it knows that it is inside a task does it run
// the awaited one itself; else this never ends.
#include "libraries.hpp"

#include <cstdio>

int main() {
    const int answer = call_in_a_task_of_the_left(wait_on_the_right);
    std::printf("%d\n", answer);
    return answer == 42 ? 0 : 1;
}
