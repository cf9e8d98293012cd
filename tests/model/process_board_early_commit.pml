/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: half a result is taken. */
#define EARLY_COMMIT
#include "process_board.pml"
