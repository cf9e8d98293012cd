/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/* The deque of forked jobs with fenced elements among the others. */
#define ASYMMETRIC
#define MIXED
#define ELEMENTS 3
#include "work_stealing_deque.pml"
