/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: error */
/* SPDX-License-Identifier: MIT */
/* Must be found wrong: a worker and a waiter both overlook the other, and the waiter sleeps for ever. */
#define NO_EXCHANGE
#include "admission.pml"
