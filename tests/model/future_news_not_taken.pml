/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the continuation is told of its end in the middle of news, and may be gone. */
#define NOT_TAKEN
#include "future_news.pml"
