/* spin: -DSAFETY -DCOLLAPSE | -m100000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: an item lies there while takers sleep, since the one that was woken for it has given up. */
#define PRODUCERS 1
#define QUITTERS 1
#define QUIT_SILENT
#include "bounded_queue_close.pml"
