/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: an element is overwritten. */
#define NO_ROOM_CHECK
#include "work_stealing_deque.pml"
