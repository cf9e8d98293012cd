/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: who pushes finds nobody asleep, then the last one falls asleep, then the task arrives. */
#define LOOK_TOO_SOON
#define WORKERS 2
#include "eventcount.pml"
