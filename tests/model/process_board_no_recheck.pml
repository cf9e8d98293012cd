/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a worker sleeps through a task. */
#define NO_RECHECK
#include "process_board.pml"
