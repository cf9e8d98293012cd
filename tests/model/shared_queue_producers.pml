/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/* Two producers that wait for room, and two deaths. */
#define PRODUCERS 2
#define CONSUMERS 1
#define ITEMS 1
#define DEATHS 2
#include "shared_queue.pml"
