/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the thief takes a sleeper's mark away and lets it sleep. */
#define NO_RING_AT_START
#include "fork_join.pml"
