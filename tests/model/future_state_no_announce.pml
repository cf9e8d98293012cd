/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the publisher does not know that somebody sleeps. */
#define NO_ANNOUNCE
#include "future_state.pml"
