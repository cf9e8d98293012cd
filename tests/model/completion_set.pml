/* spin: -DSAFETY | -m100000 | expect: ok */
/* SPDX-License-Identifier: MIT
 *
 * The sleep of completion_set (include/yoke/detail/future/completion_set.hpp): two futures complete, news come, and the
 * owner takes until it has had all of them. Safeguards that can be taken out: LOOK_FIRST reads the word after the look at
 * the stack, NEWS_LATE sets the news after it has counted up, NO_COMPARE sets the bit whatever the word has become.
 *
 * Spin's steps are sequentially consistent. That the code's acquire and release suffice for it is argued there: the word
 * is one variable, read before and compared after the looks, and each teller writes what it tells before it counts up.
 *
 * Errors: the owner sleeps for ever (an invalid end state), a completion is handed out twice or never (the assertions).
 */
#define TELLERS 2

byte word = 0;    /* twice the completions and news counted, plus 1: the owner sleeps */
byte stack = 0;   /* nodes on it */
bool news = false;
bool waiting = false; /* in the kernel, on the word */

inline count_up() {
    d_step {
        before = word;
        word = word + 2;
    }
    if
    :: before % 2 == 1 -> waiting = false /* unpark */
    :: else
    fi
}

active [TELLERS] proctype completes() {
    byte before;
    stack++;
    count_up()
}

active proctype has_news() {
    byte before;
#ifdef NEWS_LATE
    count_up();
    news = true
#else
    news = true;
    count_up()
#endif
}

active proctype owner() {
    byte seen;
    byte got;
    byte taken = 0;
    bool heard = false;
    do
    :: taken == TELLERS && heard -> break
    :: else ->
        d_step { got = stack; stack = 0 }
        if
        :: got != 0 -> taken = taken + got; assert(taken <= TELLERS)
        :: else ->
            if
            :: news -> d_step { news = false; heard = true }
            :: else ->
#ifndef LOOK_FIRST
                seen = word - word % 2;
#endif
                if
                :: stack != 0
                :: else ->
                    if
                    :: news
                    :: else ->
#ifdef LOOK_FIRST
                        seen = word - word % 2;
#endif
                        d_step {
#ifdef NO_COMPARE
                            seen = word - word % 2;
#endif
                            if
                            :: word == seen -> word = seen + 1; got = 1
                            :: else -> got = 0
                            fi
                        }
                        if
                        :: got == 1 ->
                            d_step { waiting = (word == seen + 1) } /* the kernel compares before it sleeps */
                            !waiting;
                            d_step { word = word - word % 2 }
                        :: else
                        fi
                    fi
                fi
            fi
        fi
    od;
    assert(taken == TELLERS && stack == 0 && !news)
}
