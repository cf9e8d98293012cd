/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the owner takes a fenced element back without a barrier. */
#define ASYMMETRIC
#define MIXED
#define ELEMENTS 3
#define PLAIN_TAKE_BACK
#include "work_stealing_deque.pml"
