/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the first does not see that there were second news. */
#define COUNT_LATE
#include "future_news.pml"
