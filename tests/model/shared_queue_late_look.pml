/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a wake between unlocking and looking is slept through. */
#define LATE_LOOK
#include "shared_queue.pml"
