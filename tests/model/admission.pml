/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * yoke/executor/thread/admission.hpp: tasks leave on a pool's worker, by its own counter, or on a thread that the pool does not
 * own (a waiter that ran the task itself), by the lock; somebody waits for all of them; then the owner closes the door,
 * joins its worker and destroys everything.
 *
 * The worker's counters reach the others late: what it has counted is hidden until it is published, at any time, and at
 * the latest by the exchange in settle().
 *
 * Checked: nobody touches the door or the worker's sleep after they were destroyed; wait() returns, and not before
 * the task that was inside when it was called has left; the worker is told to leave.
 *
 * Safeguards, taken out by the models that include this one:
 *   NO_EXCHANGE      the worker looks whether it is watched before its counters are published
 *   ENTERED_FIRST    empty() reads who came in before it reads who has left
 *   LEAVE_UNLOCKED   a visitor counts itself out without the lock
 *   WAIT_UNLOCKED    wait() reads what it waits for outside the lock
 *   NO_LAST_TURN     the destructor does not pass through the lock
 */
byte in_outside, in_worker, left_outside, left_worker;
bit closed, watched;
byte emptied;
bit lock;
bit alive = 1;

byte queued;        /* tasks for the worker */
bit token;          /* a wake for the sleeping worker */
bit worker_gone;    /* or never started: threads start with the first task that needs one */
bit first_left;     /* the task that was inside when wait() was called */
bit onlooker_gone;

inline touch() { assert(alive) }
inline acquire() { atomic { touch(); lock == 0 -> lock = 1 } }
inline release() { atomic { touch(); lock = 0 } }

inline sum() {
#ifdef ENTERED_FIRST
    e = in_outside; e = e + in_worker;
    l = left_outside; l = l + left_worker
#else
    l = left_outside; l = l + left_worker;
    e = in_outside; e = e + in_worker
#endif
}

inline look() {
    k = closed;
    drained = 0;
    if
    :: !k && !watched
    :: else ->
        sum();
        if
        :: l == e ->
            if
            :: watched -> watched = 0; emptied++
            :: else
            fi;
            if
            :: k -> touch(); token = 1; drained = 1
            :: else
            fi
        :: else
        fi
    fi
}

/* Has a task of the pool in its hand. */
proctype guest(bit is_first) {
    byte l, e;
    bit k, drained;
    if
    :: is_first -> first_left = 1
    :: else
    fi;
#ifdef LEAVE_UNLOCKED
    atomic { touch(); left_outside++ };
    touch();
    look()
#else
    acquire();
    left_outside++;
    look();
    release()
#endif
}

proctype worker() {
    byte l, e, hidden_in, hidden_left;
    bit k, w, drained, spawned;
    do
    :: atomic { queued > 0 -> queued-- };
        if
        :: !spawned && !closed -> spawned = 1; hidden_in++; atomic { queued++ }  /* the task submits another one */
        :: skip
        fi;
        hidden_left++
    :: hidden_in > 0 -> atomic { in_worker = in_worker + hidden_in; hidden_in = 0 }
    :: hidden_in == 0 && hidden_left > 0 -> atomic { left_worker = left_worker + hidden_left; hidden_left = 0 }
    :: queued == 0 ->
        token = 0;  /* prepare_sleep */
        if
        :: queued > 0
        :: else ->
#ifdef NO_EXCHANGE
            atomic { touch(); k = closed; w = watched };
            atomic {
                in_worker = in_worker + hidden_in; hidden_in = 0;
                left_worker = left_worker + hidden_left; hidden_left = 0
            };
#else
            atomic {
                touch();
                in_worker = in_worker + hidden_in; hidden_in = 0;
                left_worker = left_worker + hidden_left; hidden_left = 0
            };
            atomic { k = closed; w = watched };
#endif
            drained = 0;
            if
            :: k || w -> acquire(); look(); release()
            :: else
            fi;
            if
            :: drained -> break
            :: else -> token
            fi
        fi
    od;
    worker_gone = 1
}

inline wait() {
#ifdef WAIT_UNLOCKED
    before = emptied;
    touch(); watched = 1;
    sum();
#else
    acquire();
    watched = 1;
    sum();
    before = emptied;
    release();
#endif
    if
    :: l == e
    :: else -> emptied != before
    fi;
    touch()
}

/* Waits whenever it likes. */
proctype onlooker() {
    byte before, l, e;
    wait();
    onlooker_gone = 1
}

proctype owner() {
    byte before, l, e;
    wait();
    assert(first_left);
    onlooker_gone;  /* nobody uses what is being destroyed */

    /* abandon() */
    closed = 1;
    sum();
    if
    :: l == e -> token = 1
    :: else
    fi;
    worker_gone;
#ifndef NO_LAST_TURN
    acquire();
    release();
#endif
    alive = 0
}

init {
    atomic {
        in_outside = 1;  /* one that may have left when wait() is called */
        run guest(0);
        if
        :: in_outside++; queued = 1; run worker()  /* and one for the worker */
        :: worker_gone = 1
        fi;
        run onlooker()
    }
    atomic {
        in_outside++;
        run guest(1);
        run owner()  /* begins with wait(), the first guest being inside */
    }
    atomic {
        if
        :: !closed && !worker_gone -> in_outside++; queued++; token = 1  /* one that comes at any time */
        :: else
        fi
    }
    _nr_pr == 1;
    assert(!alive)
}
