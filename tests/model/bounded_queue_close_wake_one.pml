/* spin: -DSAFETY -DCOLLAPSE | -m100000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the others sleep for ever. */
#define WAKE_ONE
#include "bounded_queue_close.pml"
