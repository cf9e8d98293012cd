/* spin: -DSAFETY | -m100000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: news are counted before they can be seen. */
#define NEWS_LATE
#include "completion_set.pml"
