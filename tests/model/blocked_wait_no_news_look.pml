/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: news between the owner's help and its look at the word are slept through. */
#define NO_NEWS_LOOK
#include "blocked_wait.pml"
