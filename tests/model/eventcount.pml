/* spin: -DSAFETY -DCOLLAPSE | -m1000000 | expect: ok */
/* SPDX-License-Identifier: MIT */
/*
 * How workers of a thread pool sleep and are woken: yoke/executor/thread/eventcount.hpp with the worker loop of
 * yoke/executor/thread/core.hpp and the batches of yoke/executor/thread/queues.hpp.
 *
 * Every task, once begun, waits until all tasks have begun, and there are as many workers as tasks: so a task that lies in a
 * queue while a worker sleeps is a deadlock, which is more than "every task runs in the end". The workers then
 * shut down: the last task out wakes all, and all must leave.
 *
 * Every access to shared memory is a step of its own; steps interleave in any order, as seq_cst operations do. Producers
 * push to the shared queue; a searching worker takes a batch from it in one step and puts the rest where others
 * can steal it in the next.
 *
 * Safeguards, taken out by the models that include this one:
 *   NO_LAST_LOOK   a worker sleeps without looking at the queues after it has announced that it will
 *   NO_HAND_ON     the last searcher that finds work does not look whether there is more
 *   LOOK_TOO_SOON  who pushes reads the word before the task is in the queue
 *   BUSY_BATCH     a worker takes a batch without having announced that it searches
 *
 * UNSTARTED says how many of the workers are not there at the beginning: then notify() starts them (executor/thread/threads.hpp).
 */
#ifndef UNSTARTED
#define UNSTARTED 0
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef TASKS_EACH
#define TASKS_EACH 1
#endif
#ifndef WORKERS
#define WORKERS 3
#endif
#define TASKS (PRODUCERS * TASKS_EACH)

byte sleepers, searchers, unstarted = UNSTARTED;  /* the word: all three are read and written together */
byte tokens;
bit lock;     /* of the crew */
byte births;  /* threads that were created and do not run yet */

byte shared_queue;  /* tasks pushed from outside */
byte stealable;     /* tasks in the workers' own deques */

byte begun, finished;
byte gone;  /* workers that have left */

/* notify() and notify_all() */
inline look_at_word() {
    atomic { see_sleepers = sleepers; see_searchers = searchers; see_unstarted = unstarted }
}
inline notify() {
    look_at_word();
    call_one()
}
inline call_one() {
    do
    :: see_sleepers > 0 && see_searchers == 0 ->
        atomic {
            if
            :: sleepers == see_sleepers && searchers == see_searchers && unstarted == see_unstarted ->
                sleepers--; searchers++; called = 1
            :: else ->
                see_sleepers = sleepers; see_searchers = searchers; see_unstarted = unstarted; called = 0
            fi
        }
        if
        :: called -> atomic { called = 0; tokens++ }; break
        :: else
        fi
    :: see_sleepers == 0 && see_searchers == 0 && see_unstarted > 0 ->
        atomic { lock == 0 -> lock = 1 };
        look_at_word();
        if
        :: see_sleepers == 0 && see_searchers == 0 && see_unstarted > 0 ->
            atomic { unstarted--; searchers++ };
            births++
        :: else  /* whoever changed the word since will see the task */
        fi;
        lock = 0;
        break
    :: else -> break
    od;
    atomic { see_sleepers = 0; see_searchers = 0; see_unstarted = 0 }  /* dead values would only multiply the states */
}
inline notify_all() {
    atomic { see_sleepers = sleepers; searchers = searchers + sleepers; sleepers = 0 };
    atomic { tokens = tokens + see_sleepers; see_sleepers = 0 }
}

proctype producer() {
    byte see_sleepers, see_searchers, see_unstarted, left = TASKS_EACH;
    bit called;
    do
    :: left > 0 ->
#ifdef LOOK_TOO_SOON
        look_at_word();
        shared_queue++;
        call_one();
#else
        shared_queue++;
        notify();
#endif
        left--
    :: else -> break
    od
}

/* Takes a task from the shared queue with half of the rest, or steals one: `found`. */
inline search() {
    found = 0;
    atomic {
        if
        :: shared_queue > 0 ->
            found = 1;
            batch = shared_queue / 2;
            shared_queue = shared_queue - 1 - batch
        :: else
        fi
    }
    if
    :: found && batch > 0 -> atomic { stealable = stealable + batch; batch = 0 }
    :: found && batch == 0
    :: !found ->
        atomic {
            if
            :: stealable > 0 -> stealable--; found = 1
            :: else
            fi
        }
    fi
}
inline look() {
    more = shared_queue > 0;
    if
    :: !more -> more = stealable > 0
    :: else
    fi
}
inline run_task() {
    begun++;
    begun == TASKS;
    atomic { finished++; last = (finished == TASKS) };
    if
    :: last -> last = 0; notify_all()
    :: else
    fi
}

proctype worker(bit late) {
    byte see_sleepers, see_searchers, see_unstarted, batch;
    bit called, found, more, last;
    if
    :: late ->
end_unstarted:
        atomic { births > 0 -> births-- };
        goto begin_as_searcher
    :: else
    fi;
next_task:
#ifdef BUSY_BATCH
    search();
    if
    :: found -> found = 0; run_task(); goto next_task
    :: else
    fi;
#else
    /* A worker's own deque: one task, not a batch. */
    atomic {
        if
        :: stealable > 0 -> stealable--; found = 1
        :: else -> found = 0
        fi
    }
    if
    :: found -> found = 0; run_task(); goto next_task
    :: else
    fi;
#endif
    searchers++;
begin_as_searcher:
    do
    :: search();
        if
        :: found ->
            atomic { searchers--; last = (searchers == 0) };
            if
            :: last ->
                atomic { last = 0; found = 0 };
#ifndef NO_HAND_ON
                look();
                if
                :: more -> more = 0; notify()
                :: else
                fi
#endif
            :: else -> found = 0
            fi;
            run_task();
            goto next_task
        :: else
        fi;
        atomic { searchers--; sleepers++ };
#ifdef NO_LAST_LOOK
        more = 0;
#else
        look();
#endif
        if
        :: more ->
            /* withdraw() */
            atomic {
                more = 0;
                if
                :: sleepers > 0 -> sleepers--; searchers++; called = 1
                :: else -> called = 0
                fi
            }
            if
            :: called -> called = 0
            :: else -> atomic { tokens > 0 -> tokens-- }
            fi
        :: !more && finished == TASKS -> break
        :: !more && finished < TASKS ->
            atomic { tokens > 0 -> tokens-- }
        fi
    od;
    gone++
}

init {
    byte i;
    atomic {
        for (i : 1 .. PRODUCERS) { run producer() }
        for (i : 1 .. WORKERS) { run worker(i <= UNSTARTED) }
    }
    gone + unstarted == WORKERS && births == 0;
    assert(finished == TASKS && shared_queue == 0 && stealable == 0)
}
