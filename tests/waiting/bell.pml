/* SPDX-License-Identifier: MIT
 *
 * A model of the doorbells (channels/bell.h) for spin(1), run by hand:
 *
 *   spin -a -DONE=1 bell.pml && cc -O2 -o pan pan.c && ./pan      (one sleeper is woken for a message)
 *   spin -a -DONE=0 bell.pml && cc -O2 -o pan pan.c && ./pan      (all are)
 *
 * Two consumers wait for two messages of one producer each. An end state in which a consumer sleeps although there is
 * a message for it would be a lost wake-up: pan reports it as an invalid end state or a violated assertion. Slices,
 * which would hide it, are left out. Memory is sequentially consistent here: what the fences are there for is shown by
 * leaving the second look out (-DNO_LOOK), which pan must report.
 */
#ifndef ONE
#define ONE 1
#endif
#define CONSUMERS 2
#define PRODUCERS 2
#define MESSAGES  2 /* of all producers, and as many as consumers */

byte messages; /* published and not taken */
byte rings;
bool sleeper;  /* BELL_SLEEPER */
byte count;    /* of announcements */
byte asleep;   /* who is in the futex queue, a bit each */
byte taken;

inline try(got)
{
    atomic {
        if
        :: messages > 0 -> messages--; taken++; got = true
        :: else -> skip
        fi
    }
}

proctype consumer(byte me)
{
    byte seen;
    bool got = false;
    do
    :: got -> break
    :: else ->
        seen = rings;
        atomic { sleeper = true; count++ }
#ifndef NO_LOOK
        try(got);
#endif
        if
        :: got -> break
        :: else ->
            atomic { /* futex_wait */
                if
                :: rings == seen -> asleep = asleep | (1 << me)
                :: else -> skip
                fi
            }
            (asleep & (1 << me)) == 0;
            try(got)
        fi
    od
}

proctype producer()
{
    bool announced;
    byte then, woken;
    messages++;
    atomic { announced = sleeper; then = count }
    if
    :: !announced -> skip
    :: announced ->
#if !ONE
        sleeper = false;
#endif
        rings++;
        atomic { /* futex_wake */
            woken = 0;
#if ONE
            if
            :: asleep == 0 -> skip
            :: asleep & 1 -> asleep = asleep & 2; woken = 1
            :: asleep & 2 -> asleep = asleep & 1; woken = 1
            fi
#else
            asleep = 0
#endif
        }
#if ONE
        atomic { /* compare and exchange */
            if
            :: woken == 0 && sleeper && count == then -> sleeper = false
            :: else -> skip
            fi
        }
#endif
    fi
}

init
{
    atomic { run consumer(0); run consumer(1); run producer(); run producer() }
    (_nr_pr == 1);
    assert(taken == MESSAGES && messages == 0)
}
