/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: who sees done may not find the outcome. */
#define OUTCOME_LATE
#include "future_state.pml"
