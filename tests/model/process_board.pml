/* spin: -DSAFETY -DCOLLAPSE | -m200000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * The board of a process pool (yoke/executor/process/board.hpp) with workers that may die between any two steps
 * (executor/process/worker.hpp), and a collector that sends, brings home and settles (executor/process/collector.ipp): publish, claim, commit,
 * search, sleep, wake, death. With TENDED, which another model adds, the collector tends for a while: then nobody wakes a
 * worker but it, unless all sleep. With MEET the tasks wait for one another, so none may be left in the ring while a worker
 * sleeps.
 *
 * Checked: every task settles once and none is waited for for ever (an invalid end state); a result is whole when it is
 * taken; a task that was committed is delivered, not lost.
 *
 * Left out: cancelling, deadlines, rooms for results, watchers. Memory is sequentially consistent. The collector is never
 * asleep when there is something to do: its own sleep is the same pair of steps as that of a worker.
 *
 * Safeguards, taken out by the models that include this one:
 *   NO_RECHECK    a worker goes to sleep without looking at the ring again after it has said so
 *   EARLY_COMMIT  the state becomes `done` before the result is whole
 *   LOST_ANYWAY   the collector takes all that a dead worker had for lost, committed or not
 *   LATE_END      a worker that searched says so still when it looks at the ring for the last time
 *   NO_PASS_ON    a worker that got a task wakes nobody for the next one
 */
#ifndef TASKS
#define TASKS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#define SLOTS 2
#define RING 4
#define WORKERS 2

#define EMPTY 0
#define SENT 1
#define RUNNING 2
#define DONE 3

byte phase[SLOTS];
byte owner[SLOTS];
byte generation[SLOTS];
byte result[SLOTS];        /* bytes that are written: 2 is whole */
bool holds[SLOTS];          /* the program's record: a task is in it */

byte entry_slot[RING];
byte entry_generation[RING];
byte head;
byte tail;

bit sleeping[WORKERS];     /* sleepers' bits */
bit searching[WORKERS];    /* searchers' bits */
bit tended;
bit has_tended;            /* once is enough */
bit token[WORKERS];        /* wakes not taken yet */
bit alive[WORKERS];
bit died[WORKERS];         /* not yet settled */
bit stop;
byte deaths_left = DEATHS;
byte sent;
byte settled;
byte met;

inline wake_one() {
    if
    :: sleeping[0] -> sleeping[0] = 0; token[0] = 1
    :: !sleeping[0] && sleeping[1] -> sleeping[1] = 0; token[1] = 1
    :: else
    fi
}

/* By who has sent a task, or has got one and sees more: a searcher will find it, or the collector wakes somebody. */
inline wake_if_needed() {
    if
    :: !searching[0] && !searching[1] && (!tended || (sleeping[0] && sleeping[1])) -> wake_one()
    :: else
    fi
}

/* Between two steps of a worker. */
#define MAY_DIE if :: atomic { deaths_left > 0 -> deaths_left--; alive[me] = 0; died[me] = 1 }; goto dead :: true fi

proctype worker(byte me) {
    byte h, slot, gen;
    bit mine;
    bit searched;
next:
    MAY_DIE;
    h = head;
    if
    :: h == tail && !searching[me] && !searched && !searching[1 - me] -> searching[me] = 1; searched = 1; goto next
    :: h == tail && (searching[me] || searched || searching[1 - me]) -> goto nothing
    :: else
    fi;
    atomic { slot = entry_slot[h % RING]; gen = entry_generation[h % RING] }
    MAY_DIE;
    atomic {
        if
        :: phase[slot] == SENT && generation[slot] == gen -> phase[slot] = RUNNING; owner[slot] = me; mine = 1
        :: else -> mine = 0
        fi
    }
    MAY_DIE;
    atomic {
        if
        :: head == h -> head++
        :: else
        fi
    }
    if
    :: !mine -> goto next
    :: else
    fi;
    searching[me] = 0;
    searched = 0;
    MAY_DIE;
#ifndef NO_PASS_ON
    /* More to do, and somebody sleeps. */
    if
    :: head != tail -> atomic { if :: !tended && !searching[0] && !searching[1] -> wake_one() :: else fi }
    :: else
    fi;
#endif
    MAY_DIE;
#ifdef MEET
    met++;
    met == TASKS;
#endif
    result[slot] = 1;
#ifdef EARLY_COMMIT
    phase[slot] = DONE;
    MAY_DIE;
    result[slot] = 2;
#else
    MAY_DIE;
    result[slot] = 2;
    MAY_DIE;
    phase[slot] = DONE;
#endif
    goto next;
nothing:
#ifndef LATE_END
    searching[me] = 0;
#endif
    searched = 0;
    if
    :: stop -> alive[me] = 0; goto over
    :: else
    fi;
    sleeping[me] = 1;
    MAY_DIE;
#ifndef NO_RECHECK
    if
    :: head != tail || stop -> goto awake
    :: else
    fi;
#endif
    searching[me] = 0;
    token[me];
    MAY_DIE;
    token[me] = 0;
awake:
    sleeping[me] = 0;
    goto next;
dead:
over:
    skip
}

/* What becomes of a slot of a worker that is dead. */
inline settle(slot, place) {
    if
    :: holds[slot] && phase[slot] != SENT && owner[slot] == place ->
#ifdef LOST_ANYWAY
        assert(phase[slot] != DONE);
#endif
        if
        :: phase[slot] == DONE -> assert(result[slot] == 2)
        :: else
        fi;
        holds[slot] = 0;
        phase[slot] = EMPTY;
        settled++
    :: else
    fi
}

proctype collector() {
    byte i;
    do
    :: atomic {
        sent < TASKS && (!holds[0] || !holds[1]) && tail - head < RING ->
        if
        :: !holds[0] -> i = 0
        :: holds[0] -> i = 1
        fi;
        holds[i] = 1;
        generation[i]++;
        result[i] = 0;
        phase[i] = SENT;
        entry_slot[tail % RING] = i;
        entry_generation[tail % RING] = generation[i];
        sent++
       }
       tail++;
       atomic { wake_if_needed(); i = 0 }
#ifdef TENDED
    :: atomic { !has_tended -> tended = 1; has_tended = 1 }
    :: tended -> tended = 0; atomic { if :: head != tail -> wake_one(); wake_one() :: else fi }
#endif
    :: atomic { holds[0] && phase[0] == DONE -> assert(result[0] == 2); holds[0] = 0; settled++ }
    :: atomic { holds[1] && phase[1] == DONE -> assert(result[1] == 2); holds[1] = 0; settled++ }
    :: atomic {
        died[0] || died[1] ->
        if
        :: died[0] -> i = 0
        :: else -> i = 1
        fi;
        died[i] = 0;
        sleeping[i] = 0;
        searching[i] = 0;
        token[i] = 0;
        settle(0, i);
        settle(1, i);
        alive[i] = 1;
        run worker(i);
        token[0] = 1;
        token[1] = 1;
        i = 0
       }
    :: atomic { settled == TASKS && !died[0] && !died[1] -> break }
    od;
    assert(!holds[0] && !holds[1]);
    stop = 1;
    token[0] = 1;
    token[1] = 1;
    (!alive[0] && !alive[1])
}

init {
    atomic {
        alive[0] = 1;
        alive[1] = 1;
        run worker(0);
        run worker(1);
        run collector()
    }
}
