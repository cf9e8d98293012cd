/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * yoke/detail/work_stealing_deque.hpp: one owner that pushes and pops as it likes, two thieves, a ring of two slots, every
 * access to shared memory a step of its own, in any interleaving (as seq_cst operations have it).
 *
 * Checked: every element that was pushed is taken exactly once, and nothing else is taken.
 *
 * Safeguards, taken out by the models that include this one:
 *   OWNER_TAKES_LAST   the owner takes the last element without racing for it
 *   LOAD_BEFORE_STORE  the owner's pop loads the top before its store of the bottom is visible (what happens
 *                      when the two are not seq_cst)
 *   BOTTOM_FIRST       a thief loads the bottom before the top
 *   NO_ROOM_CHECK      push does not look whether the ring is full
 */
#ifndef ELEMENTS
#define ELEMENTS 4
#endif
#define CAPACITY 2
#define THIEVES 2
#define NOTHING 0

byte top;
byte bottom;
byte slot[CAPACITY];

byte pushed;
byte taken[ELEMENTS + 1];
bit owner_done;

inline take(element) {
    assert(element >= 1 && element <= ELEMENTS);
    taken[element]++;
    assert(taken[element] == 1)
}

proctype owner() {
    byte t, element;
    bit got;
    do
    :: pushed < ELEMENTS ->  /* push() */
        t = top;
#ifndef NO_ROOM_CHECK
        if
        :: bottom - t < CAPACITY ->
#endif
            slot[bottom % CAPACITY] = pushed + 1;
            atomic { bottom++; pushed++ }
#ifndef NO_ROOM_CHECK
        :: else
        fi
#endif
    :: true ->  /* pop() */
        t = top;
        if
        :: t >= bottom ->
            if
            :: pushed == ELEMENTS -> break
            :: else
            fi
        :: else ->
#ifdef LOAD_BEFORE_STORE
            t = top;
            bottom--;
#else
            bottom--;
            t = top;
#endif
            element = slot[bottom % CAPACITY];
            if
            :: t < bottom -> got = 1
            :: t >= bottom ->
#ifdef OWNER_TAKES_LAST
                got = (t == bottom);
                if
                :: got -> top = t + 1
                :: else
                fi;
#else
                if
                :: t == bottom ->
                    atomic {
                        got = (top == t);
                        if
                        :: got -> top++
                        :: else
                        fi
                    }
                :: else -> got = 0
                fi;
#endif
                bottom++
            fi;
            if
            :: got -> d_step { take(element); got = 0; element = 0 }
            :: else -> element = 0
            fi
        fi;
        t = 0
    od;
    owner_done = 1
}

proctype thief() {
    byte t, b, element;
    bit got;
    do
    :: owner_done -> break
    :: else ->  /* steal() */
#ifdef BOTTOM_FIRST
        b = bottom;
        t = top;
#else
        t = top;
        b = bottom;
#endif
        if
        :: t >= b
        :: else ->
            element = slot[t % CAPACITY];
            atomic {
                got = (top == t);
                if
                :: got -> top++; take(element)
                :: else
                fi;
                got = 0;
                element = 0
            }
        fi;
        atomic { t = 0; b = 0 }
    od
}

init {
    byte i;
    atomic {
        run owner();
        for (i : 1 .. THIEVES) { run thief() }
    }
    _nr_pr == 1;
    for (i : 1 .. ELEMENTS) { assert(taken[i] == 1) }
}
