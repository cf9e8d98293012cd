/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a thief takes what the owner has popped. */
#define BOTTOM_FIRST
#include "work_stealing_deque.pml"
