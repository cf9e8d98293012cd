/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a waiter takes an earlier emptying for its own. */
#define WAIT_UNLOCKED
#include "admission.pml"
