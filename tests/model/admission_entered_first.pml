/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a task that came in and left between the two readings hides one that is still inside. */
#define ENTERED_FIRST
#include "admission.pml"
