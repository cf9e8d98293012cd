/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/* The deque of forked jobs: the owner's stores are plain ones, and a thief issues the barrier for both. */
#define ASYMMETRIC
#include "work_stealing_deque.pml"
