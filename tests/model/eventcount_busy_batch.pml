/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: tasks on their way between two queues are overlooked by a last look, and nobody looks again. */
#define BUSY_BATCH
#define WORKERS 2
#include "eventcount.pml"
