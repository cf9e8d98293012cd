/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: what is pushed between the look and the emptying is lost. */
#define TAKE_IN_TWO
#include "blocked_wait.pml"
