/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: owner and thief overlook each other, as they may without the one order of seq_cst. */
#define LOAD_BEFORE_STORE
#include "work_stealing_deque.pml"
