/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the second news meet an empty list and are lost. */
#define NO_RECHECK
#include "future_news.pml"
