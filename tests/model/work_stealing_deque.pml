/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * yoke/executor/thread/work_stealing_deque.hpp: one owner that pushes and pops as it likes, two thieves, a ring of two slots, every
 * access to shared memory a step of its own, in any interleaving (as seq_cst operations have it).
 *
 * ASYMMETRIC is the deque of forked jobs: the owner's stores of the bottom are plain ones and wait in its store buffer,
 * which empties itself at any time, and before the owner's compare-exchange. The heavy barrier of a thief
 * that has seen work empties it too. With MIXED any element may be fenced: the owner empties its buffer when it has pushed
 * it, and when it takes it back between store and load, and a thief that sees it leaves the buffer alone.
 *
 * Checked: every element that was pushed is taken exactly once, and nothing else is taken.
 *
 * Safeguards, taken out by the models that include this one:
 *   OWNER_TAKES_LAST   the owner takes the last element without racing for it
 *   LOAD_BEFORE_STORE  the owner's pop loads the top before its store of the bottom is visible (what happens
 *                      when the two are not seq_cst)
 *   BOTTOM_FIRST       a thief loads the bottom before the top
 *   NO_ROOM_CHECK      push does not look whether the ring is full
 *   NO_HEAVY_BARRIER   (with ASYMMETRIC) a thief trusts the bottom it sees
 *   PLAIN_TAKE_BACK    (with MIXED) the owner takes a fenced element back as any other
 *   NO_SECOND_READ     (with MIXED) a thief takes the element that it saw before its barrier
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

#ifdef ASYMMETRIC
byte own_bottom;                /* as the owner sees it */
chan buffer = [2] of { byte };  /* stores of the bottom on their way */
#define STORE_BOTTOM(value) own_bottom = value; buffer!own_bottom
#define OWNER_BARRIER empty(buffer) ->
#else
#define own_bottom bottom
#define STORE_BOTTOM(value) bottom = value
#define OWNER_BARRIER
#endif

#ifdef MIXED
bit fenced[ELEMENTS + 1];
#define FENCE_IF_FENCED(element) if :: fenced[element] -> empty(buffer) :: else fi;
#else
#define FENCE_IF_FENCED(element)
#endif

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
        :: own_bottom - t < CAPACITY ->
#endif
#ifdef MIXED
            if
            :: fenced[pushed + 1] = 1
            :: skip
            fi;
#endif
            slot[own_bottom % CAPACITY] = pushed + 1;
            atomic { pushed++; STORE_BOTTOM(own_bottom + 1) };
            FENCE_IF_FENCED(pushed)
#ifndef NO_ROOM_CHECK
        :: else
        fi
#endif
    :: true ->  /* pop() */
        t = top;
        if
        :: t >= own_bottom ->
            if
            :: pushed == ELEMENTS -> break
            :: else
            fi
        :: else ->
#ifdef LOAD_BEFORE_STORE
            t = top;
            STORE_BOTTOM(own_bottom - 1);
#else
            STORE_BOTTOM(own_bottom - 1);
#ifndef PLAIN_TAKE_BACK
            FENCE_IF_FENCED(slot[own_bottom % CAPACITY])
#endif
            t = top;
#endif
            element = slot[own_bottom % CAPACITY];
            if
            :: t < own_bottom -> got = 1
            :: t >= own_bottom ->
#ifdef OWNER_TAKES_LAST
                got = (t == own_bottom);
                if
                :: got -> top = t + 1
                :: else
                fi;
#else
                if
                :: t == own_bottom ->
                    atomic {
                        OWNER_BARRIER
                        got = (top == t);
                        if
                        :: got -> top++
                        :: else
                        fi
                    }
                :: else -> got = 0
                fi;
#endif
                STORE_BOTTOM(own_bottom + 1)
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

#ifdef ASYMMETRIC
proctype store_buffer() {
    do
    :: buffer?bottom
    :: owner_done && empty(buffer) -> break
    od
}
#endif

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
#if defined(ASYMMETRIC) && !defined(NO_HEAVY_BARRIER)
        if
        :: t >= b
        :: else ->
#ifdef MIXED
            element = slot[t % CAPACITY];
            if
            :: element != NOTHING && fenced[element] -> goto seen
            :: else
            fi;
#endif
            atomic {
                do
                :: nempty(buffer) -> buffer?bottom
                :: empty(buffer) -> break
                od
            }
            b = bottom
        fi;
#endif
        if
        :: t >= b -> element = NOTHING
        :: else ->
#ifndef NO_SECOND_READ
            element = slot[t % CAPACITY];
#endif
seen:
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
#ifdef ASYMMETRIC
        run store_buffer();
#endif
        for (i : 1 .. THIEVES) { run thief() }
    }
    _nr_pr == 1;
    for (i : 1 .. ELEMENTS) { assert(taken[i] == 1) }
}
