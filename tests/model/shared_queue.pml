/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * A queue between processes (yoke/queue/shared_queue.hpp): producers and consumers that may die between any two steps, a
 * robust mutex, a word to sleep on for either side, and the monitor of the program, which rings both words' bells after
 * a death. The program itself pushes a pill and closes; it does not die, or the queue would be gone.
 *
 * Checked: nobody sleeps for ever (an invalid end state), since the program closes only when all producers are done and the
 * items are taken, or at any time, by choice; items are whole and come in the order of their positions; the mutex
 * is never lost; with the queue closed, what was in it is taken by whoever is still there.
 *
 * The kernel is taken at its word: a mutex whose owner has died can be locked, which says so (EOWNERDEAD); unlocked without
 * being made consistent it is lost for good (ENOTRECOVERABLE). A futex wait compares and falls asleep in one step.
 * Memory is sequentially consistent: all but the two words is guarded by the mutex, and a sleeper loads its word with
 * the mutex held. For the same reason a stay under the mutex is one step here, unless its owner dies in it: nobody sees the
 * steps in between, and what the monitor does meanwhile it may as well do before or after.
 *
 * Safeguards, taken out by the models that include this one:
 *   LATE_LOOK       a sleeper loads its word after it has unlocked
 *   NO_BELL         nobody is woken after a death
 *   SILENT_BELL     the monitor wakes after a death, but does not change the words
 *   WAKE_ONE        a wake goes to one sleeper
 *   NOT_CONSISTENT  who locks after a death goes on as if nothing had happened
 *   EARLY_COMMIT    tail moves before the item is whole
 */
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef ITEMS
#define ITEMS 2 /* of each producer */
#endif
#ifndef PRODUCERS
#define PRODUCERS 1
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#define PROGRAM (PRODUCERS + CONSUMERS + 1) /* who comes before produces, and then consumes */
#define CAPACITY 1

#define FREE 0
#define NOT_EMPTY 0
#define NOT_FULL 1

/* The ring, guarded by the mutex. */
byte head;
byte tail;
bit closed;
byte slot[CAPACITY]; /* the position, plus one; 0: half of an item */
byte pills[2];       /* CAPACITY + 1 */
byte sleepers[2];

byte word[2];

/* The mutex. */
byte owner = FREE;
bit inconsistent; /* its owner has died, and nobody has said that all is well */
bit lost;

/* The kernel, and what it tells the monitor. */
bit dead[PROGRAM + 1];
byte asleep_on[PROGRAM + 1]; /* the word, plus one */
byte untold;
byte deaths_left = DEATHS;

byte producers_over;
byte consumers_over;
bit drained; /* a consumer has left because the queue was closed and empty */

#define DIE deaths_left--; dead[me] = 1; asleep_on[me] = 0; untold++
/* Between two steps of a user; within an atomic step, of which what follows is then left out. */
#define MAY_DIE if :: me != PROGRAM && deaths_left > 0 -> DIE; goto over :: true fi

/* Both within an atomic step. */
inline lock() {
    (owner == FREE || dead[owner]);
    assert(!lost);
    if
    :: owner != FREE -> inconsistent = 1
    :: else
    fi;
    owner = me;
#ifndef NOT_CONSISTENT
    if
    :: inconsistent -> MAY_DIE; inconsistent = 0
    :: else
    fi
#endif
}
inline unlock() {
    if
    :: inconsistent -> lost = 1
    :: else
    fi;
    owner = FREE
}
inline futex_wake(w) {
    d_step {
        who = 1;
        do
        :: who > PROGRAM -> break
        :: who <= PROGRAM && asleep_on[who] == w + 1 ->
           asleep_on[who] = 0;
#ifdef WAKE_ONE
           break
#else
           who++
#endif
        :: else -> who++
        od;
        who = 0
    }
}
/* section::sleep: from the look at the word to the next lock. */
inline begin_sleep(w) {
    sleepers[w]++;
#ifndef LATE_LOOK
    seen = word[w];
#endif
    MAY_DIE;
    unlock()
}
inline end_sleep(w) {
#ifdef LATE_LOOK
    seen = word[w];
#endif
    atomic {
        MAY_DIE;
        if
        :: word[w] == seen -> asleep_on[me] = w + 1
        :: else
        fi;
        seen = 0
    };
    atomic {
        if
        :: asleep_on[me] == 0
        :: me != PROGRAM && deaths_left > 0 -> DIE; goto over
        fi
    };
    atomic { MAY_DIE; lock(); sleepers[w]-- }
}
/* section::wake */
inline name(w) {
    if
    :: sleepers[w] != 0 -> word[w]++; to_wake = to_wake | (w + 1)
    :: else
    fi
}
/* The wakes at the end of a section, after it has unlocked. */
inline wake() {
    if
    :: to_wake & 1 -> atomic { MAY_DIE; futex_wake(NOT_EMPTY) }
    :: else
    fi;
    if
    :: to_wake & 2 -> atomic { MAY_DIE; futex_wake(NOT_FULL) }
    :: else
    fi;
    to_wake = 0
}

proctype producer(byte me) {
    byte pushed, seen, to_wake, who;
next:
    atomic { MAY_DIE; lock() };
look:
    atomic {
        if
        :: tail - head >= CAPACITY && !closed -> begin_sleep(NOT_FULL)
        :: closed -> unlock(); goto over
        :: else ->
           slot[tail % CAPACITY] = 0;
#ifdef EARLY_COMMIT
           tail++;
           MAY_DIE;
           slot[(tail - 1) % CAPACITY] = tail;
#else
           MAY_DIE;
           slot[tail % CAPACITY] = tail + 1;
           MAY_DIE;
           tail++;
#endif
           MAY_DIE;
           name(NOT_EMPTY);
           MAY_DIE;
           unlock();
           pushed++;
           goto leave
        fi
    };
    end_sleep(NOT_FULL);
    goto look;
leave:
    wake();
    if
    :: pushed < ITEMS -> goto next
    :: else
    fi;
over:
    atomic { producers_over++; pushed = 0; seen = 0; to_wake = 0 }
}

#define PILL_IN_FRONT (!closed && pills[head % (CAPACITY + 1)] != 0)

proctype consumer(byte me) {
    byte item, seen, to_wake, who;
next:
    atomic { MAY_DIE; lock() };
look:
    atomic {
        if
        :: PILL_IN_FRONT ->
           MAY_DIE;
           pills[head % (CAPACITY + 1)]--;
           MAY_DIE;
           unlock();
           goto over
        :: tail == head && !PILL_IN_FRONT && !closed -> begin_sleep(NOT_EMPTY)
        :: tail == head && closed -> drained = 1; unlock(); goto over
        :: tail != head && !PILL_IN_FRONT ->
           item = slot[head % CAPACITY];
           assert(item == head + 1);
           item = 0;
           MAY_DIE;
           head++;
           MAY_DIE;
           name(NOT_FULL);
           MAY_DIE;
           unlock();
           goto leave
        fi
    };
    end_sleep(NOT_EMPTY);
    goto look;
leave:
    wake();
    goto next;
over:
    atomic { consumers_over++; seen = 0; to_wake = 0 }
}

proctype program(byte me) {
    byte to_wake, who;
    if
    :: true
    :: atomic { lock(); pills[tail % (CAPACITY + 1)]++; name(NOT_EMPTY); unlock() };
       wake()
    fi;
    if
    :: goto close /* at any time */
    :: skip
    fi;
    (consumers_over == CONSUMERS || (producers_over == PRODUCERS && head == tail));
close:
    atomic { lock(); closed = 1; name(NOT_EMPTY); name(NOT_FULL); unlock() };
    wake();
    (producers_over == PRODUCERS && consumers_over == CONSUMERS);
    assert(!drained || head == tail);
over:
    skip
}

active proctype monitor() {
    byte who;
end:
    do
    :: untold > 0 ->
       untold--;
#ifndef NO_BELL
#ifndef SILENT_BELL
       word[NOT_EMPTY]++;
#endif
       futex_wake(NOT_EMPTY);
#ifndef SILENT_BELL
       word[NOT_FULL]++;
#endif
       futex_wake(NOT_FULL)
#endif
    od
}

init {
    atomic {
        byte i = 1;
        do
        :: i <= PRODUCERS -> run producer(i); i++
        :: i > PRODUCERS && i < PROGRAM -> run consumer(i); i++
        :: i == PROGRAM -> break
        od;
        i = 0;
        run program(PROGRAM)
    }
}
