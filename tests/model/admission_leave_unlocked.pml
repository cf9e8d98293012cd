/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the last one out knocks at a door that has been taken away. */
#define LEAVE_UNLOCKED
#include "admission.pml"
