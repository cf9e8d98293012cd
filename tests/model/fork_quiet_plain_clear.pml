/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the forker clears `quiet` by a plain store. */
#define PLAIN_CLEAR
#include "fork_quiet.pml"
