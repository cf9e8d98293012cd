/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the publisher wakes on a word that the waiter has freed (stdexec #1742). */
#define RELEASE_FIRST
#include "future_state.pml"
