/* SPDX-License-Identifier: MIT
 *
 * A model of the doorbells (channels/bell.h, fence.h) for spin(1). models.sh checks it, and that it reports each step
 * of the protocol that is left out; by hand:
 *
 *   spin -a -DONE=1 bell.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan     (one sleeper is woken for a message)
 *
 *   ONE=0     all sleepers are woken
 *   BOTH=1    full fences on both sides; else the sleeper's membarrier and BELL_FENCED
 *   POLLS=1   the second consumer polls the bell's eventfd instead of sleeping
 *   FIRST=1   the first producer sends one message only, instead of two
 *
 * Producers send, consumers wait; sleeps have no slices, which would hide a lost wake-up, but one may end early, as by
 * a signal or a deadline (BOTH=1 only). In the end, when nothing moves, all messages must have been taken. What a producer has
 * published lies in its store buffer until that is drained: at any time, by a fence or a read-modify-write of its own,
 * by a membarrier of somebody else. All else is sequentially consistent: each word has one order of its values, and
 * what is read after a fence is not read before it.
 *
 * Two counters are only ever compared with an earlier value of themselves, so instead of each the model has who would
 * find it changed: `rung` for `rings`, `others` and `fresh` for the count of announcements.
 */
#ifndef ONE
#define ONE 1
#endif
#ifndef BOTH
#define BOTH 0
#endif
#ifndef POLLS
#define POLLS 0
#endif
#ifndef FIRST
#define FIRST 2 /* messages of the first producer; the second has one */
#endif
#define PRODUCERS 2
#define CONSUMERS 2

#define SLEEPER   1 /* bits of `word`, as in bell.h */
#define POLLER    2
#define FENCED    4
#define HEEDED    7
#define SETTLED   8

byte messages;            /* to be seen by all, and not taken */
byte taken;
byte at_work;             /* consumers that have taken one and do not come back */
bool buffered[PRODUCERS]; /* published, and seen by nobody else yet */
byte word;                /* `sleepers`, without the count */
byte rung[CONSUMERS];     /* whether `rings` has changed since it was read */
byte others[CONSUMERS];   /* whether somebody else has announced himself since one did oneself */
byte fresh[PRODUCERS];    /* whether somebody has announced himself since the word was read */

#define UNASKED 0 /* of these three */
#define NO      1
#define YES     2
#define CHANGE(what) what = (what == UNASKED -> UNASKED : YES)

bool asleep[CONSUMERS];   /* in the futex queue */
bool edge;                /* what epoll would report to who polls */

inline drain(p)
{
    atomic {
        if
        :: buffered[p] -> buffered[p] = false; messages++
        :: else -> skip
        fi
    }
}

/* ---- consumers ----------------------------------------------------------------------------------------------- */

inline try(got)
{
    atomic {
        if
        :: messages > 0 -> messages--; taken++; got = true
        :: else -> got = false
        fi
    }
}

#ifdef EARLY_SETTLE
#define EARLY(request) (request -> SETTLED : 0)
#else
#define EARLY(request) 0
#endif
#ifdef NO_CHECK
#define IS_MINE true
#else
#define IS_MINE (others[me] == NO)
#endif

/* weir_bell_announce */
inline announce(who)
{
    if
    :: !BOTH -> request = FENCED
    :: BOTH || who == SLEEPER -> request = 0
    fi;
    atomic {
        before = word & SETTLED;
        word = word | who | request | EARLY(request);
        others[me] = NO;
        CHANGE(others[1 - me]); CHANGE(fresh[0]); CHANGE(fresh[1])
    }
#ifndef NO_BARRIER
    if
    :: BOTH || before -> skip /* its own fence */
    :: else -> drain(0); drain(1)         /* membarrier: one CPU after the other */
    fi;
#endif
    atomic {
        if
        :: request && !before && (word & FENCED) && IS_MINE -> word = word | SETTLED
        :: else -> skip
        fi;
        before = 0; request = 0; others[me] = UNASKED
    }
}

#ifdef KEEP_SETTLED
#define RELAXED FENCED
#else
#define RELAXED (FENCED | SETTLED)
#endif

/* weir_bell_relax: anybody of the role, at any time. */
proctype relaxer()
{
    atomic { word & FENCED -> word = word & ~(RELAXED) }
}

/* Comes back for more, or does not. */
inline go_on(got)
{
    if
    :: got -> at_work++; break
    :: true -> got = false
    fi
}

proctype sleeper(byte me)
{
    byte before, request;
    bool got, patient = (BOTH && me == 0);
    do
    ::
#ifndef LATE_SEEN
        rung[me] = NO;
#endif
        announce(SLEEPER);
#ifndef NO_LOOK
        try(got);
#endif
        if
        :: got -> rung[me] = UNASKED; go_on(got)
        :: else ->
#ifdef LATE_SEEN
            rung[me] = NO;
#endif
            atomic { /* futex_wait */
                if
                :: rung[me] == NO -> asleep[me] = true
                :: else -> skip
                fi;
                rung[me] = UNASKED
            }
            if
            :: atomic { !asleep[me] }
            :: atomic { asleep[me] && patient -> asleep[me] = false; patient = false }
            fi;
            try(got);
            go_on(got)
        fi
    od
}

/* Who polls: weir_arm_poller, sleeping.c. */
proctype poller(byte me)
{
    byte before, request;
    bool got;
    do
    ::
#ifndef LATE_DRAIN
        edge = false;
#endif
        announce(POLLER);
#ifndef NO_POLL_LOOK
        try(got);
#endif
#ifdef LATE_DRAIN
        edge = false;
#endif
        if
        :: got -> go_on(got)
        :: else -> edge -> try(got); go_on(got)
        fi
    od
}

/* ---- producers ----------------------------------------------------------------------------------------------- */

#ifdef NO_COUNT
#define IS_SAME true
#else
#define IS_SAME (word == announced && fresh[me] == NO)
#endif

/* weir_bell_wake */
inline wake()
{
    atomic { announced = word; fresh[me] = NO }
    if
    :: announced & FENCED ->
#ifndef NO_WAKER_FENCE
        drain(me);
#endif
#ifndef NO_RELOOK
        atomic { announced = word; fresh[me] = NO }
#endif
    :: else -> skip
    fi;
    if
    :: announced & SLEEPER ->
        drain(me); /* what follows has release order */
#if !ONE && !defined(WAKE_FIRST)
        word = word & ~SLEEPER;
#endif
#ifndef NO_RINGS
        atomic { CHANGE(rung[0]); CHANGE(rung[1]) }
#endif
        atomic { /* futex_wake */
            woken = asleep[0] || asleep[1];
#if ONE
            if
            :: asleep[0] -> asleep[0] = false
            :: asleep[1] -> asleep[1] = false
            :: else -> skip
            fi
#else
            asleep[0] = false; asleep[1] = false
#endif
        }
#if ONE
        atomic {
            if
            :: !woken && IS_SAME -> word = word & ~SLEEPER
            :: else -> skip
            fi
        }
#elif defined(WAKE_FIRST)
        word = word & ~SLEEPER
#endif
    :: else -> skip
    fi;
    if
    :: announced & POLLER ->
        atomic { drain(me); woken = (word & POLLER) != 0; word = word & ~POLLER }
        if
        :: woken -> edge = true
        :: else -> skip
        fi
    :: else -> skip
    fi
}

proctype producer(byte me)
{
    byte announced, left = (me == 0 -> FIRST : 1);
    bool woken;
    do
    :: left > 0 ->
        atomic { !buffered[me] -> buffered[me] = true; left-- }
#if BOTH && !defined(NO_WAKER_FENCE)
        drain(me);
#endif
        announced = word; /* weir_bell_wanted */
        if
        :: announced & HEEDED -> wake()
        :: else -> skip
        fi;
        atomic { announced = 0; woken = false; fresh[me] = UNASKED }
    :: else -> break
    od
}

/* Drains the buffers, sooner or later. */
proctype memory()
{
    do
    :: atomic { buffered[0] -> drain(0) }
    :: atomic { buffered[1] -> drain(1) }
    od
}

init
{
    atomic {
        run memory();
        run sleeper(0);
        if
        :: POLLS -> run poller(1)
        :: else -> run sleeper(1)
        fi;
        run producer(0); run producer(1);
        run relaxer()
    }
    timeout -> assert(taken == FIRST + 1 || at_work == CONSUMERS)
}
