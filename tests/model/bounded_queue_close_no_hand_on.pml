/* spin: -DSAFETY -DCOLLAPSE | -m100000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: an item lies there while takers sleep. */
#define NO_HAND_ON
#include "bounded_queue_close.pml"
