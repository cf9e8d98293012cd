/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the bell is read after the word was marked, so a ring between the two is missed. */
#define BELL_LATE
#include "fork_join.pml"
