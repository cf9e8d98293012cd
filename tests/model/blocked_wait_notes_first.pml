/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a note that is made between the look and the word is slept through. */
#define NOTES_FIRST
#include "blocked_wait.pml"
