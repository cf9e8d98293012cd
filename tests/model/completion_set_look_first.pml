/* spin: -DSAFETY | -m100000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the owner looks at the stack first and reads the word after that. */
#define LOOK_FIRST
#include "completion_set.pml"
