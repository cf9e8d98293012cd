/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the sleeper makes the forkers quiet after its barrier, which misses a fork in between. */
#define QUIET_LATE
#include "fork_quiet.pml"
