/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the others sleep on when the queue is closed. */
#define WAKE_ONE
#include "shared_queue.pml"
