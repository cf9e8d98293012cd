/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a completion that comes after the set was destroyed is nobody's. */
#define LEFT_OPEN
#include "blocked_wait.pml"
