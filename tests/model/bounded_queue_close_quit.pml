/* spin: -DSAFETY -DCOLLAPSE | -m100000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/* The end of a queue one of whose takers gives up, by time or stop, at any moment. */
#define PRODUCERS 1
#define QUITTERS 1
#include "bounded_queue_close.pml"
