/* spin: -DSAFETY -DCOLLAPSE | -m100000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * The end of yoke/queue/bounded_queue.hpp with its waiting rooms (yoke/detail/sync/waiting_room.hpp): producers that wait
 * for room, takers that wait for items, a pill, and a close that comes at any moment - or only once
 * everything accepted was taken, so that no wake that push and pop owe each other is repaired by the close.
 *
 * Checked: nobody sleeps for ever (an invalid end state is a deadlock), no accepted item is left behind, and the pill
 * stops at most one taker.
 *
 * A stay under the mutex is one atomic step; the kernel's part (park and unpark, both outside the mutex) is in steps of
 * its own.
 *
 * Safeguards, taken out by the models that include this one:
 *   NO_RECHECK   a taker that found the queue empty looks at `closed` in a second critical section and does not look
 *                at the queue again
 *   WAKE_ONE     close wakes one sleeper of each side
 *   NO_HAND_ON   a woken taker does not call the next for what it leaves behind
 *   QUIT_SILENT  a taker that gives up does not call the next for what it leaves behind
 *
 * With QUITTERS there are takers that are impatient: whenever one sleeps its time may be over, or a stop be requested; then
 * it leaves, also if something lies there by now.
 */
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef ITEMS
#define ITEMS 2
#endif
#ifndef TAKERS
#define TAKERS 2
#endif
#ifndef QUITTERS
#define QUITTERS 0
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif

/* One waiting room a side: takers, givers. */
#define T 0
#define G 1
byte word[2];
byte sleepers[2];
bit waking[2];
byte parked[2];  /* threads the kernel has put to sleep on the word */
byte woken[2];   /* threads it has woken that do not run yet */

byte size;
byte pills;
bit closed;

byte stopped_by_pill;
byte producers_done;
byte takers_done;

/* The kernel: sleeps if the word is still `seen`; any sleeper may be the one that is woken. */
inline park(side) {
    atomic {
        if
        :: word[side] == seen -> parked[side]++; asleep = 1
        :: else -> asleep = 0
        fi
    }
    if
    :: asleep ->
        if
        :: atomic { woken[side] > 0 -> woken[side]--; asleep = 0 }
        :: atomic { impatient && parked[side] > 0 -> parked[side]--; asleep = 0; gave_up = 1 }
        fi
    :: else
    fi;
    seen = 0
}
inline unpark_one(side) {
    atomic {
        if
        :: parked[side] > 0 -> parked[side]--; woken[side]++
        :: else
        fi
    }
}
inline unpark_all(side) { woken[side] = woken[side] + parked[side]; parked[side] = 0 }

/* Under the mutex: before a wait, after it, and at the end of every section. */
inline enlist(side) { sleepers[side]++; seen = word[side]; waited = 1 }
inline arrive(side) {
    if
    :: waited -> sleepers[side]--; waking[side] = 0; waited = 0
    :: else
    fi
}
inline call_one(side, answer) {
    if
    :: sleepers[side] > 0 && !waking[side] -> waking[side] = 1; word[side]++; answer = 1
    :: else -> answer = 0
    fi
}
inline call_both() {
    wake_taker = 0;
    wake_giver = 0;
#ifdef NO_HAND_ON
    if
    :: !hand_on
    :: else ->
#endif
    if
    :: size > 0 || pills > 0 -> call_one(T, wake_taker)
    :: else
    fi;
#ifdef NO_HAND_ON
    fi;
#endif
    if
    :: size < CAPACITY -> call_one(G, wake_giver)
    :: else
    fi
}
inline leave_silently() {
#ifdef QUIT_SILENT
    wake_taker = 0;
    wake_giver = 0
#else
    call_both()
#endif
}
inline wake_called() {
    if
    :: wake_taker -> unpark_one(T)
    :: else
    fi;
    if
    :: wake_giver -> unpark_one(G)
    :: else
    fi;
    wake_taker = 0;
    wake_giver = 0
}

proctype producer() {
    byte seen;
    byte left = ITEMS;
    bit asleep, waited, wake_taker, wake_giver, gave_up;
    bit impatient = 0;
    bit hand_on = 1;
    do
    :: left > 0 ->
        atomic {
            arrive(G);
            if
            :: size == CAPACITY && !closed -> enlist(G)
            :: closed -> left--; call_both()
            :: else -> size++; left--; call_both()
            fi
        }
        if
        :: waited -> park(G)
        :: else -> wake_called()
        fi
    :: else -> break
    od;
    producers_done++
}

proctype taker(bit impatient) {
    byte seen;
    bit asleep, waited, wake_taker, wake_giver, stop, gave_up;
    bit hand_on = 0;
    do
    :: !stop ->
#ifdef NO_RECHECK
        atomic {
            if
            :: !waited && size == 0 && pills == 0 -> skip
            :: else -> goto look
            fi
        }
        /* an item and the close may come in here */
        if
        :: closed -> break
        :: else
        fi;
look:
#endif
        atomic {
            arrive(T);
            if
            :: gave_up -> stop = 1; leave_silently()
            :: !gave_up && size == 0 && pills == 0 && !closed -> enlist(T)
            :: !gave_up && pills > 0 -> pills--; stopped_by_pill++; stop = 1; call_both()
            :: !gave_up && pills == 0 && size > 0 -> size--; call_both()
            :: else -> assert(closed); stop = 1; call_both()
            fi
        }
        if
        :: waited -> park(T)
        :: else -> wake_called()
        fi
    :: else -> break
    od;
    takers_done++
}

proctype closer() {
    bit wake_taker, wake_giver;
    bit hand_on = 1;
    if
    :: skip
    :: atomic { pills++; call_both() }; wake_called()  /* a pill for one of the takers */
    fi;
    if
    :: skip
    :: true -> producers_done == PRODUCERS && size == 0 && pills == 0
    fi;
    atomic {
        closed = 1;
        pills = 0;
        word[T] = word[T] + (sleepers[T] > 0);
        word[G] = word[G] + (sleepers[G] > 0);
#ifdef WAKE_ONE
        unpark_one(T);
        unpark_one(G)
#else
        unpark_all(T);
        unpark_all(G)
#endif
    }
    producers_done == PRODUCERS && takers_done == TAKERS + QUITTERS;
    assert(stopped_by_pill <= 1);
    assert(size == 0 && sleepers[T] == 0 && sleepers[G] == 0)
}

init {
    byte i;
    atomic {
        for (i : 1 .. PRODUCERS) { run producer() }
        for (i : 1 .. TAKERS) { run taker(0) }
#if QUITTERS
        for (i : 1 .. QUITTERS) { run taker(1) }
#endif
        run closer()
    }
}
