/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: half an item is taken when its producer dies. */
#define EARLY_COMMIT
#include "shared_queue.pml"
