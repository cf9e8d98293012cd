/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * yoke/detail/admission.hpp: tasks leave, on a pool's worker or on a thread that the pool does not own (a waiter that
 * ran the task itself); somebody waits for all of them; then the owner closes the door, joins its worker and destroys
 * everything.
 *
 * Checked: nobody touches the door or the worker's sleep after they were destroyed; wait() returns, and not before
 * the task that was inside when it was called has left; the worker is told to leave.
 *
 * Safeguards, taken out by the models that include this one:
 *   NOTIFY_UNLOCKED  the last one out counts itself out first and takes no lock
 *   WAIT_UNLOCKED    wait() reads what it waits for outside the lock
 *   NO_LAST_TURN     the destructor does not pass through the lock
 */
byte count;
bit closed, watched;  /* the word: count and both flags change together */
byte emptied;
bit lock;
bit alive = 1;

byte worker_token;  /* a wake for the sleeping worker */
bit worker_gone;
bit first_left;     /* the guest that was inside when wait() was called */
bit onlooker_gone;

inline touch() { assert(alive) }
inline acquire() { atomic { touch(); lock == 0 -> lock = 1 } }
inline release() { atomic { touch(); lock = 0 } }

inline tell(was_watched, was_closed) {
    if
    :: was_watched -> touch(); emptied++
    :: else
    fi;
    if
    :: was_closed -> touch(); worker_token++
    :: else
    fi
}

/* leave(): `mine` is set together with the step that counts the guest out. */
inline leave(mine) {
    do
    :: atomic { touch(); c = count; k = closed; w = watched };
#ifndef NOTIFY_UNLOCKED
        if
        :: c == 1 && (k || w) ->
            acquire();
            atomic {
                touch();
                c = count; k = closed; w = watched;
                count--; mine = 1;
                if
                :: c == 1
                :: else -> k = 0; w = 0
                fi
            }
            if
            :: w -> touch(); watched = 0
            :: else
            fi;
            tell(w, k);
            release();
            break
        :: else ->
#endif
            atomic {
                touch();
                if
                :: c == count && k == closed && w == watched ->
                    count--; done = 1; mine = 1;
#ifdef NOTIFY_UNLOCKED
                    if
                    :: c == 1
                    :: else -> k = 0; w = 0
                    fi
#endif
                :: else -> done = 0
                fi
            }
            if
            :: done ->
#ifdef NOTIFY_UNLOCKED
                tell(w, k);
#endif
                break
            :: else
            fi
#ifndef NOTIFY_UNLOCKED
        fi
#endif
    od
}

/* A guest on a thread of its own, counted in before it starts. */
proctype guest(bit is_first) {
    byte c;
    bit k, w, done, mine;
    if
    :: is_first -> leave(first_left)
    :: else -> leave(mine)
    fi
}

proctype worker() {
    bit drained;
    do
    :: atomic { touch(); drained = (closed && count == 0) };
        if
        :: drained -> break
        :: else -> atomic { worker_token > 0 -> worker_token-- }
        fi
    od;
    worker_gone = 1
}

inline wait() {
#ifdef WAIT_UNLOCKED
    before = emptied;
    atomic { touch(); watched = 1; c = count };
#else
    acquire();
    atomic { watched = 1; c = count };
    before = emptied;
    release();
#endif
    if
    :: c == 0
    :: else -> emptied != before
    fi;
    touch()
}

/* Waits whenever it likes. */
proctype onlooker() {
    byte before, c;
    wait();
    onlooker_gone = 1
}

proctype owner() {
    byte before, c;
    wait();
    assert(first_left);
    onlooker_gone;  /* nobody uses what is being destroyed */

    /* abandon() */
    atomic { closed = 1; c = count };
    if
    :: c == 0 -> worker_token++
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
        count = 1;  /* one that may have left when wait() is called */
        run guest(0);
        run worker();
        run onlooker()
    }
    atomic {
        count++;
        run guest(1);
        run owner()  /* begins with wait(), the first guest being inside */
    }
    atomic {
        if
        :: !closed -> count++; run guest(0)  /* one that comes at any time */
        :: else
        fi
    }
    _nr_pr == 1;
    assert(!alive)
}
