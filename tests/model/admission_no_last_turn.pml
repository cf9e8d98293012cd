/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the destructor does not wait for the last one to let go of the lock. */
#define NO_LAST_TURN
#include "admission.pml"
