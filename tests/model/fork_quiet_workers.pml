/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/* Three workers that sleep and are woken, and one fork. */
#define WORKERS 3
#define FORKS 1
#include "fork_quiet.pml"
