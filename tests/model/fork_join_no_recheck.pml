/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the waiter sleeps although the thief had forked before it left its number. */
#define NO_RECHECK
#include "fork_join.pml"
