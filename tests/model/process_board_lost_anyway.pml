/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a result that was committed is thrown away. */
#define LOST_ANYWAY
#include "process_board.pml"
