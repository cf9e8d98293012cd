/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the thief looks for a sleeper before it says that the job has ended. */
#define END_IN_TWO
#include "fork_join.pml"
