/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/* Threads are started when they are needed; one is there. */
#define UNSTARTED 2
#include "eventcount.pml"
