/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * Forks against workers that go to sleep (yoke/executor/thread/fork_join.hpp: `quiet`; executor/thread/core.hpp: search_task). A forker's
 * push waits in its store buffer, which empties itself at any time, before the forker's read-modify-writes, and by another
 * thread's heavy barrier. A worker issues that barrier only if it finds a forker that is not quiet.
 *
 * A forker forks FORKS times, and each time goes on only when its job has been stolen: as if the two calls waited for
 * one another. A worker that has seen jobs may find a task before it comes to steal one, once, and the task lasts until all
 * jobs have been stolen. (That a fork may go unnoticed when a worker that has seen none finds a task is documented.)
 *
 * Checked: no job waits for ever while a worker sleeps. (A forker whose end is not reached is an error.)
 *
 * Safeguards, taken out by the models that include this one:
 *   QUIET_LATE      the sleeper makes the forkers quiet after its barrier
 *   NO_RESTORE      it leaves them quiet though it has seen their jobs
 *   NO_SECOND_LOOK  it has seen jobs, finds a task, and does not look for jobs once more
 *   PLAIN_CLEAR     the forker clears `quiet` by a plain store
 */
#ifndef FORKERS
#define FORKERS 1
#endif
#ifndef FORKS
#define FORKS 2
#endif
#ifndef WORKERS
#define WORKERS 2
#endif

byte searchers = WORKERS, sleepers, tokens;
bit found_task;
bit quiet[FORKERS] = 1;
bit job[FORKERS];      /* as others see it */
byte buffered[FORKERS]; /* in the store buffer: a pushed job (bit 0), and a clear `quiet` behind it (bit 1) */
byte stolen[FORKERS];
byte all_stolen;

#define WANTS_WORKER (sleepers > 0 && searchers == 0)
inline flush(f) {
    if
    :: buffered[f] & 1 -> job[f] = 1
    :: else
    fi;
    if
    :: buffered[f] & 2 -> quiet[f] = 0
    :: else
    fi;
    buffered[f] = 0
}

inline notify() {
    atomic {
        if
        :: WANTS_WORKER -> sleepers--; searchers++; tokens++
        :: else
        fi
    }
}

proctype forker(byte me) {
    byte forks;
    bit wanted;
    for (forks : 1 .. FORKS) {
        buffered[me] = 1;
        wanted = WANTS_WORKER;
        if
        :: wanted || quiet[me] ->
#ifdef PLAIN_CLEAR
            buffered[me] = buffered[me] | 2;
#else
            atomic { flush(me); quiet[me] = 0 };
#endif
            wanted = WANTS_WORKER;
            if
            :: wanted -> atomic { flush(me) }; notify()
            :: else
            fi
        :: else
        fi;
        stolen[me] == forks
    }
}

proctype store_buffer(byte me) {
end:
    do
    :: atomic { buffered[me] -> flush(me) }
    od
}

/* `found`: a job is waiting. */
inline look_for_jobs() {
    found = 0;
    made = 0;
#ifndef QUIET_LATE
    for (f : 0 .. FORKERS - 1) {
        atomic {
            if
            :: !quiet[f] -> quiet[f] = 1; made = 1
            :: else
            fi
        }
    }
#else
    for (f : 0 .. FORKERS - 1) {
        if
        :: !quiet[f] -> made = 1
        :: else
        fi
    }
#endif
    if
    :: made ->
        atomic { for (f : 0 .. FORKERS - 1) { flush(f) } };
#ifdef QUIET_LATE
        for (f : 0 .. FORKERS - 1) { quiet[f] = 1 }
#endif
        for (f : 0 .. FORKERS - 1) {
            if
            :: job[f] ->
                found = 1;
#ifndef NO_RESTORE
                quiet[f] = 0
#endif
            :: else
            fi
        }
    :: else
    fi
}

proctype worker() {
    byte f;
    bit found, made, last, seen_jobs;
searching:
    f = 0;
    if
    :: atomic { seen_jobs && !found_task -> found_task = 1 };
        atomic { last = (searchers == 1); searchers-- };
#ifndef NO_SECOND_LOOK
        if
        :: last ->
            look_for_jobs();
            if
            :: found -> notify()
            :: else
            fi
        :: else
        fi;
#endif
        all_stolen == FORKERS * FORKS; /* the task */
        searchers++
    :: true
    fi;
    seen_jobs = 0;
    do
    :: f < FORKERS ->
        if
        :: atomic { job[f] -> job[f] = 0; stolen[f]++; all_stolen++ };
            atomic { last = (searchers == 1); searchers-- };
            if
            :: last && WANTS_WORKER ->
                look_for_jobs();
                if
                :: found -> notify()
                :: else
                fi
            :: else
            fi;
            searchers++;
            goto searching
        :: atomic { !job[f] -> f++ }
        fi
    :: else -> break
    od;
    atomic { searchers--; sleepers++ };
    look_for_jobs();
    if
    :: found ->
        seen_jobs = 1;
        atomic { /* withdraw */
            if
            :: sleepers > 0 -> sleepers--; searchers++
            :: else -> tokens > 0; tokens--
            fi
        }
    :: else ->
end_asleep:
        atomic { tokens > 0 -> tokens-- }
    fi;
    goto searching
}

init {
    byte i;
    atomic {
        for (i : 0 .. FORKERS - 1) { run forker(i); run store_buffer(i) }
        for (i : 1 .. WORKERS) { run worker() }
    }
}
