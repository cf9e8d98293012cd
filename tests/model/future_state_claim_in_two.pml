/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: two claim the task, and it has two outcomes. */
#define CLAIM_IN_TWO
#include "future_state.pml"
