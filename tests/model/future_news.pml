/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * News in yoke/detail/future/state.hpp: how a waiter that sleeps behind several futures learns that there is something to
 * help with. Two threads make something available and have news of one state, both at once; the state's continuation
 * passes them on to the state behind, on whose word the waiter sleeps. Nobody but the waiter does the work, and when all
 * of it is done the state in front is published, while news may still be on their way.
 *
 * Checked: the waiter never sleeps while there is work (that would be a deadlock); the continuation is told of the end
 * once, of news only before that, and by one thread at a time. News go further only if the state in front is wanted: the
 * waiter marks it before he looks for work, and news take the mark away. (How a sleeper parks is future_state.pml's matter: here
 * it compares and sleeps in one step.)
 *
 * Safeguards, taken out by the models that include this one:
 *   NO_RECHECK      who put the list back does not look whether there were news meanwhile
 *   COUNT_LATE      news are counted after the list was looked at
 *   BLIND_PUT_BACK  the list is put back without a look whether the state is done
 *   WANT_LATE       the waiter marks the state after he has looked for work
 *   NOT_TAKEN       who has news goes through the list while it is where publish() finds it
 */
byte count;             /* of news, in the word of the state in front */
bit wanted;             /* in the same word */
bit listed = 1, told;   /* its list: the one continuation; closed */
bit busy, ended;        /* the continuation */
byte behind;            /* the word of the state behind */
bit behind_done;
bit work[2];
byte finished;

inline pass_on() {
    atomic { assert(!busy && !ended); busy = 1 };
    atomic { behind++ };
    busy = 0
}
inline end() {
    atomic { assert(!busy && !ended); ended = 1 };
    atomic { behind++; behind_done = 1 }
}

proctype newsman(bit me) {
    byte seen;
    bit have, go = 1;
    work[me] = 1;
#ifndef COUNT_LATE
    atomic { count++; seen = count; go = wanted; wanted = 0 };
#endif
    do
    :: !go -> break
    :: go ->
#ifdef NOT_TAKEN
        have = listed;
#else
        atomic { have = listed; listed = 0 };
#endif
#ifdef COUNT_LATE
        if
        :: seen == 0 -> atomic { count++; seen = count }
        :: else
        fi;
#endif
        if
        :: !have -> break
        :: else
        fi;
        pass_on();
#ifdef NOT_TAKEN
        break
#else
        atomic {
#ifdef BLIND_PUT_BACK
            listed = 1; have = 0
#else
            if
            :: told
            :: else -> listed = 1; have = 0
            fi
#endif
        }
        if
        :: have -> end(); break
        :: else
        fi;
#ifdef NO_RECHECK
        break
#else
        if
        :: atomic { count == seen -> break }
        :: atomic { count != seen -> seen = count }
        fi
#endif
#endif
    od
}

proctype publisher() {
    bit have;
    finished == 2;
    atomic { have = listed; listed = 0; told = 1 };
    if
    :: have -> end()
    :: else
    fi
}

proctype waiter() {
    byte seen;
    do
    :: seen = behind;
        if
        :: behind_done -> break
        :: else
        fi;
#ifndef WANT_LATE
        wanted = 1;
#endif
        if
        :: atomic { work[0] -> work[0] = 0; finished++ }
        :: else
        fi;
        if
        :: atomic { work[1] -> work[1] = 0; finished++ }
        :: else
        fi;
#ifdef WANT_LATE
        wanted = 1;
#endif
        behind != seen  /* sleeps while the word is as it was */
    od
}

init {
    atomic { run newsman(0); run newsman(1); run publisher(); run waiter() }
    _nr_pr == 1;
    assert(ended && !busy && finished == 2)
}
