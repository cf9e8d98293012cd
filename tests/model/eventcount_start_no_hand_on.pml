/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a new worker that finds work does not start the next one. */
#define UNSTARTED 2
#define NO_HAND_ON
#include "eventcount.pml"
