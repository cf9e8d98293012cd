/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a worker that has seen jobs finds a task instead, and wakes nobody for them. */
#define NO_SECOND_LOOK
#include "fork_quiet.pml"
