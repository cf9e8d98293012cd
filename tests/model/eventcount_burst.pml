/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/* Several tasks from one producer. */
#define PRODUCERS 1
#define TASKS_EACH 3
#include "eventcount.pml"
