/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a worker that searched was counted on for two tasks, and does not pass the second on. */
#define NO_PASS_ON
#define MEET
#define DEATHS 0
#include "process_board.pml"
