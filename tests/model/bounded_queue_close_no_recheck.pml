/* spin: -DSAFETY -DCOLLAPSE | -m100000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a taker leaves with an item behind. */
#define NO_RECHECK
#include "bounded_queue_close.pml"
