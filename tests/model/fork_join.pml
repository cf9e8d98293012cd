/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * How a forker waits for a stolen job and helps its thief (yoke/executor/thread/fork_join.hpp): the job's word, the forker's bell,
 * and the forker's number with the thief (`calls_`, here `waiter`). Every access to shared memory is a step of its own, in
 * any interleaving; the deque itself has a model of its own (work_stealing_deque.pml), here it is a number.
 *
 * The thief forks FORKS times, and each time goes on only when its call has been stolen, which only the forker can do:
 * as if the two calls waited for one another. The forker may also mistake the time and go to sleep at any moment.
 *
 * Checked: nobody sleeps for ever. (A model whose end is not reached is an error.)
 *
 * Safeguards, taken out by the models that include this one:
 *   BELL_LATE        the bell is read after the word was marked
 *   NO_RECHECK       the waiter leaves its number and does not look at the thief's deque again
 *   END_IN_TWO       the thief looks whether somebody sleeps, and then says that the job has ended
 *   NO_RING_AT_START the thief takes the mark away when it says who it is, and does not ring
 */
#ifndef FORKS
#define FORKS 2
#endif

/* The job's word. */
bit has_thief, sleeps, ended;
byte bell;
bit waiter;
byte jobs;       /* in the thief's deque */
byte stolen;

#define RING bell = (bell + 1) % 16

proctype forker() {
    bit seen_thief, marked_thief, marked_end;
    byte before;

    do
    :: atomic { ended -> break }
    :: atomic { !ended -> seen_thief = has_thief };
        if
        :: seen_thief ->
            if
            :: atomic { jobs > 0 && !ended -> jobs--; stolen++; goto again }
            :: else
            fi
        :: else
        fi;
#ifndef BELL_LATE
        before = bell;
#endif
        atomic { marked_thief = has_thief; marked_end = ended; sleeps = 1 }
#ifdef BELL_LATE
        before = bell;
#endif
        if
        :: marked_end -> break
        :: else
        fi;
        if
        :: marked_thief != seen_thief -> goto again
        :: else
        fi;
        if
        :: seen_thief ->
            waiter = 1;
#ifndef NO_RECHECK
            if
            :: jobs > 0 -> goto again
            :: else
            fi
#endif
        :: else
        fi;
        bell != before;  /* sleeps until then */
        if
        :: seen_thief -> waiter = 0
        :: else
        fi;
again:  skip
    od
}

proctype thief() {
    bit looked;
    byte forks;

    atomic { looked = sleeps; has_thief = 1; sleeps = 0 }
#ifndef NO_RING_AT_START
    if
    :: looked -> RING
    :: else
    fi;
#endif
    for (forks : 1 .. FORKS) {
        jobs = jobs + 1;
        if
        :: waiter ->
            atomic { looked = waiter; waiter = 0 }
            if
            :: looked -> RING
            :: else
            fi
        :: else
        fi;
        stolen == forks
    }
#ifdef END_IN_TWO
    looked = sleeps;
    ended = 1;
#else
    atomic { looked = sleeps; ended = 1; sleeps = 0 }
#endif
    if
    :: looked -> RING
    :: else
    fi
}

init {
    atomic {
        run forker();
        run thief()
    }
    _nr_pr == 1;
    assert(stolen == FORKS)
}
