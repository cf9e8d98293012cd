/* spin: -DSAFETY | -m100000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the owner says that it sleeps whatever was counted since it looked. */
#define NO_COMPARE
#include "completion_set.pml"
