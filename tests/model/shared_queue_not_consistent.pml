/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the mutex is lost with the first to unlock it after a death. */
#define NOT_CONSISTENT
#include "shared_queue.pml"
