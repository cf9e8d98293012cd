/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: who died before it could wake leaves the others asleep. */
#define NO_BELL
#include "shared_queue.pml"
