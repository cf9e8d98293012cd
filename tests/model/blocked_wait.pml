/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * The owner of a completion_set (yoke/detail/future/completion_set.hpp) inside a task, which sleeps with a note
 * (yoke/detail/future/blocked_wait.hpp). It watches three tasks. Task 0 is run by a pool. Task 1 is in a pool that
 * does not admit the owner's thread: another thread of that pool may run it; else only the guest does, which waits
 * for the owner's task, if it finds the note. Task 2 becomes available late, which is news, and nobody but the owner
 * runs it. The owner may destroy the set at any time; what has not begun then is run by the pool.
 *
 * Checked: neither the owner nor the guest sleeps for ever while there is something for it (that would be a
 * deadlock); a task runs once; its completion is handed out or deleted, once, and those handed out come in the order
 * in which they were pushed. A park compares the word in one step, as a futex does, and never returns for no reason.
 * Memory is sequentially consistent here; a compare-exchange loop that pushes is one step. How a future tells its
 * node, and how news pass through a future, is the matter of future_state.pml and future_news.pml; more ways to lose
 * a wake are in completion_set.pml.
 *
 * Safeguards, taken out by the models that include this one:
 *   PUSH_LATE      the word is counted up before the node is on the stack
 *   NO_NEWS_LOOK   the owner does not look for news once more before it sleeps
 *   TAKE_IN_TWO    the stack is read and emptied in two steps
 *   LEFT_OPEN      a set that dies empties its stack but leaves it open
 *   NOTE_LATE      the owner tells who waits for it before it makes the note
 *   NOTES_FIRST    the guest looks for notes before it reads its word
 */
#define N 3
#define NONE 9
#define CLOSED 8

/* the hub */
byte stack = NONE;
byte below[N];
byte count;               /* the word: completions and news, and */
bit bit0, parked;         /* that the owner sleeps; it is parked */
bit news;

/* the tasks */
bit available[N], claimed[N];
byte gone[N];             /* how often the node was handed out or deleted */
byte pushed, place[N];    /* the order of the pushes */

/* the note, and the owner's task as the guest sees it */
bit note, owner_done;
byte guest_word;

inline count_up(was) {
    atomic { count++; was = bit0 };
    if
    :: was -> parked = 0
    :: else
    fi;
    was = 0
}
inline push(n, head, was) {
#ifdef PUSH_LATE
    count_up(was);
#endif
    atomic {
        head = stack;
        if
        :: head == CLOSED -> gone[n]++
        :: else -> below[n] = head; stack = n; pushed++; place[n] = pushed
        fi
    };
#ifndef PUSH_LATE
    if
    :: head != CLOSED -> count_up(was)
    :: else
    fi;
#endif
    head = 0
}
/* Sets `won`. */
inline claim(n) {
    atomic {
        won = available[n] && !claimed[n];
        if
        :: won -> claimed[n] = 1
        :: else
        fi
    }
}

proctype pool() {
    byte head;
    bit won, was;
    claim(0);
    assert(won);
    push(0, head, was);
    /* Another thread of the pool may come upon task 1. */
    if
    :: claim(1);
        if
        :: won -> push(1, head, was)
        :: else
        fi
    :: skip
    fi
}

proctype newsman(byte me) {
    bit was;
    available[me] = 1;
    news = 1;
    count_up(was)
}

proctype guest() {
    byte seen, head;
    bit won, was, noted;
    do
    ::
#ifdef NOTES_FIRST
        noted = note;
        seen = guest_word;
#else
        seen = guest_word;
#endif
        if
        :: owner_done -> break
        :: else
        fi;
#ifndef NOTES_FIRST
        noted = note;
#endif
        if
        :: noted ->
            claim(1);
            if
            :: won -> push(1, head, was)
            :: else
            fi
        :: else
        fi;
        guest_word != seen  /* sleeps while the word is as it was */
    od;
    /* Its thread is free; who is to make a task available may still be at it. */
    available[2];
    won = 0; seen = 1;
    do
    :: seen < N ->
        claim(seen);
        if
        :: won -> push(seen, head, was)
        :: else
        fi;
        seen++
    :: else -> break
    od
}

proctype owner() {
    byte ready = NONE;        /* completed, in that order */
    byte next, list, seen, head, last, taken;
    byte unhelped = 1;        /* the next to help with; N: none */
    bit won, was, refused;
    do
    :: taken == N -> break
    :: true -> break          /* dies early */
    :: taken < N && ready != NONE ->
        d_step {
            assert(place[ready] > last);
            last = place[ready];
            gone[ready]++;
            taken++;
            next = below[ready];
            ready = next;
            next = 0
        }
    :: taken < N && ready == NONE ->
        /* refill */
#ifdef TAKE_IN_TWO
        list = stack;
        stack = NONE;
#endif
        d_step {
#ifndef TAKE_IN_TWO
            list = stack;
            stack = NONE;
#endif
            do
            :: list == NONE -> break
            :: else ->
                next = below[list];
                below[list] = ready;
                ready = list;
                list = next
            od;
            next = 0; list = 0
        }
        if
        :: ready != NONE -> goto again
        :: else
        fi;
        if
        :: news -> atomic { news = 0; unhelped = 1 }
        :: else
        fi;
        /* help_one */
        if
        :: unhelped == 1 ->
            refused = 1;
            unhelped = 2;
            goto again
        :: unhelped > 1 && unhelped < N ->
            claim(unhelped);
            if
            :: won -> push(unhelped, head, was)
            :: else
            fi;
            unhelped++;
            goto again
        :: else
        fi;
        /* sleep */
        assert(refused);
#ifdef NOTE_LATE
        guest_word++;
        note = 1;
#else
        note = 1;
        guest_word++;
#endif
        seen = count;
        if
        :: stack == NONE
        :: else -> goto awake
        fi;
#ifndef NO_NEWS_LOOK
        if
        :: !news
        :: else -> goto awake
        fi;
#endif
        atomic {
            if
            :: count == seen -> bit0 = 1
            :: else -> goto awake
            fi
        }
        atomic {
            if
            :: count == seen && bit0 -> parked = 1
            :: else
            fi
        }
        !parked;
        bit0 = 0;
awake:
        note = 0;
        seen = 0;
again:
        skip
    od;
    /* The set is destroyed. */
    do
    :: ready == NONE -> break
    :: else -> d_step { gone[ready]++; next = below[ready]; ready = next; next = 0 }
    od;
#ifdef LEFT_OPEN
    atomic { list = stack; stack = NONE };
#else
    atomic { list = stack; stack = CLOSED };
#endif
    do
    :: list == NONE -> break
    :: else -> d_step { gone[list]++; next = below[list]; list = next; next = 0 }
    od;
    owner_done = 1;
    guest_word++
}

init {
    byte i;
    atomic {
        available[0] = 1; available[1] = 1;
        run pool(); run newsman(2); run guest(); run owner()
    }
    _nr_pr == 1;
    for (i : 0 .. N - 1) { assert(claimed[i] && gone[i] == 1) }
}
