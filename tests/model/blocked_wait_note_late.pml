/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: who waits looks before there is a note, and nobody tells it again. */
#define NOTE_LATE
#include "blocked_wait.pml"
