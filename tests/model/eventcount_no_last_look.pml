/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a task comes between a worker's search and its sleep. */
#define NO_LAST_LOOK
#define WORKERS 2
#include "eventcount.pml"
