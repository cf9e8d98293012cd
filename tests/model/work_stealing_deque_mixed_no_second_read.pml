/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a thief takes the element that it saw before its barrier. */
#define ASYMMETRIC
#define MIXED
#define ELEMENTS 3
#define NO_SECOND_READ
#include "work_stealing_deque.pml"
