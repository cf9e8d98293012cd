/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: owner and thief both take the last element. */
#define OWNER_TAKES_LAST
#include "work_stealing_deque.pml"
