/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a worker that goes to sleep is counted on for a task that comes. */
#define LATE_END
#include "process_board.pml"
