/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: nobody was woken for a second task because a worker was searching, and that worker keeps silent. */
#define NO_HAND_ON
#define WORKERS 2
#include "eventcount.pml"
