/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: news between the look and the mark go no further. */
#define WANT_LATE
#include "future_news.pml"
