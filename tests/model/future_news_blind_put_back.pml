/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: the continuation is put back into a list that nobody looks at again. */
#define BLIND_PUT_BACK
#include "future_news.pml"
