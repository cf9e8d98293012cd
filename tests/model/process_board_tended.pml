/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/* The collector tends for a while, and the tasks wait for one another; nobody dies. */
#define TENDED
#define DEATHS 0
#define MEET
#include "process_board.pml"
