/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the sleeper leaves the forkers quiet though it has seen their jobs. */
#define NO_RESTORE
#include "fork_quiet.pml"
