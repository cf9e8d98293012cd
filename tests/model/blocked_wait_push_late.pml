/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the owner sleeps with a node on the stack. */
#define PUSH_LATE
#include "blocked_wait.pml"
