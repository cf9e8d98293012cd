/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: plain stores of the owner, and no barrier by the thief. */
#define ASYMMETRIC
#define NO_HEAVY_BARRIER
#include "work_stealing_deque.pml"
