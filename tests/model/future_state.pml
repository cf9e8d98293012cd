/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * The word of yoke/detail/future/state.hpp: phase and sleepers bit, the claim, publish(), wait(), tell() and the count of
 * references. A worker runs the task, somebody cancels it, and the owner of the future has a continuation told,
 * waits - helping or not - reads the outcome and lets go at once. Each has a reference.
 *
 * Checked: the outcome is produced by one of them, once, and is there for who sees done; the continuation is told once;
 * nobody touches the state after it was freed, nor is it leaked; the owner does not sleep for ever. A park compares
 * the word in one step, as a futex does, and never returns for no reason.
 *
 * Safeguards, taken out by the models that include this one:
 *   CLAIM_IN_TWO   a claim reads and writes the phase in two steps
 *   OUTCOME_LATE   the word says done before the outcome is there
 *   NO_ANNOUNCE    who sleeps does not set the sleepers bit
 *   RELEASE_FIRST  the publisher lets go of its reference before its wake and its continuations
 */
#define PENDING 0
#define CLAIMED 1
#define DONE 2
byte phase;
bit sleepers;
bit parked;               /* the owner, on the word */
bit listed, told;         /* the continuation is in the list; the list is closed */
byte references = 3;
bit alive = 1;

bit outcome;
byte produced, told_times;

inline touch() { assert(alive) }
inline drop() {
    atomic {
        touch();
        references--;
        if
        :: references == 0 -> alive = 0
        :: else
        fi
    }
}
inline claim() {
#ifdef CLAIM_IN_TWO
    atomic { touch(); won = (phase == PENDING) };
    if
    :: won -> phase = CLAIMED
    :: else
    fi
#else
    atomic {
        touch();
        won = (phase == PENDING);
        if
        :: won -> phase = CLAIMED
        :: else
        fi
    }
#endif
}
inline publish() {
    produced++;
#ifndef OUTCOME_LATE
    outcome = 1;
#endif
    atomic { touch(); see = sleepers; phase = DONE; sleepers = 0 };
#ifdef OUTCOME_LATE
    outcome = 1;
#endif
#ifdef RELEASE_FIRST
    drop();
#endif
    if
    :: see -> atomic { see = 0; touch(); parked = 0 }
    :: else
    fi;
    atomic { touch(); see = listed; listed = 0; told = 1 };
    if
    :: see -> see = 0; told_times++
    :: else
    fi
}

proctype worker() {
    bit won, see;
    claim();
    if
    :: won -> publish()
#ifdef RELEASE_FIRST
    :: else -> drop()
    fi
#else
    :: else
    fi;
    drop()
#endif
}

proctype owner() {
    bit won, see, seen_sleepers, go;
    byte seen;
    /* tell() */
    atomic {
        touch();
        if
        :: told -> go = 0
        :: else -> listed = 1; go = 1
        fi
    }
    if
    :: go -> go = 0
    :: else -> told_times++
    fi;
    /* wait() */
    do
    :: atomic { touch(); seen = phase; seen_sleepers = sleepers };
        if
        :: seen == DONE -> break
        :: else
        fi;
        if
        :: true ->
            claim();
            if
            :: won ->
                won = 0;
#ifdef RELEASE_FIRST
                atomic { references++ };  /* what publish() lets go of here is not the owner's own */
#endif
                publish()
            :: else
            fi
        :: true
        fi;
#ifdef NO_ANNOUNCE
        go = 1;
#else
        atomic {
            touch();
            go = (phase == seen && sleepers == seen_sleepers);
            if
            :: go -> sleepers = 1; seen_sleepers = 1
            :: else
            fi
        }
#endif
        if
        :: go ->
            atomic {
                touch();
                go = 0;
                if
                :: phase == seen && sleepers == seen_sleepers -> parked = 1
                :: else
                fi
            }
            parked == 0
        :: else
        fi
    od;
    assert(outcome && produced == 1);
    drop()
}

init {
    atomic { run worker(); run worker(); run owner() }  /* of two workers, one is who cancels */
    _nr_pr == 1;
    assert(!alive && told_times == 1 && produced == 1)
}
