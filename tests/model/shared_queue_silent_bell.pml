/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: one who is about to sleep does not notice the bell. */
#define SILENT_BELL
#include "shared_queue.pml"
