/* SPDX-License-Identifier: MIT
 *
 * A model of the watch (channels/watch.c, roster.c) for spin(1), checked by models.sh: idle consumers sleep on their
 * doorbell and on the `alive` locks of all others, without a limit here. One producer sends a message, which wakes one
 * consumer, and is killed; another comes when others may sleep, and is killed. One of two consumers may be killed, at
 * any step of its own, also between being woken and doing anything about it. In the end, when nothing moves, whoever
 * lives must have heard of the death of each producer, and must have taken what the dead have not.
 *
 * The kernel wakes one of those who wait on the lock of a thread that dies. The fences are in bell.pml; memory is
 * sequentially consistent here. The roster's lock is robust: who finds its holder dead tells all, as in take_roster.
 */
#define PRODUCERS 2
#define SEATS     4 /* producers, then consumers */
#define NOBODY    255
#define BELL      (1 << SEATS)
#define FOR_ALL(i) i : 0 .. SEATS - 1

bool present[SEATS], dead[SEATS]; /* dead: the kernel has released its lock */
bool noted[SEATS];                /* the roster says that it has died */
bool killed[SEATS];
bool asleep[SEATS];
byte queues[SEATS];               /* in which it is, a bit for each seat's lock and BELL; also when it was woken and has
                                     not run yet: another wake for it is then a wake for nobody else */
bool at_work[SEATS];              /* has taken a message and does not come back */
bool rung[SEATS];                 /* its doorbell was rung since it was read */
byte told[SEATS];                 /* deaths of producers that it has seen */
byte roster = NOBODY;             /* who holds the roster's lock */
bool untold;                      /* he has noted something */
byte messages;

#ifdef OTHER_ROLE_ONLY
#define IS_WATCHED(seat) (seat < PRODUCERS)
#else
#define IS_WATCHED(seat) (seat != me)
#endif

inline ring_all()
{
    d_step {
        for (FOR_ALL(k)) {
            rung[k] = true;
            if
            :: queues[k] & BELL -> queues[k] = queues[k] & ~BELL; asleep[k] = false
            :: else -> skip
            fi
        }
        k = 0
    }
}

inline wake_one(queue)
{
    if
    :: queues[2] & (queue) -> queues[2] = queues[2] & ~(queue); asleep[2] = false
    :: queues[3] & (queue) -> queues[3] = queues[3] & ~(queue); asleep[3] = false
    :: else -> skip
    fi
}

/* The kernel, for a thread that ends. */
inline release_lock(seat)
{
    atomic {
        asleep[seat] = false; queues[seat] = 0;
        dead[seat] = true;
        wake_one(1 << seat)
    }
}

/* ---- who watches --------------------------------------------------------------------------------------------- */

/* weir_roster_look, of both roles. */
inline look()
{
    atomic {
        roster == NOBODY || dead[roster] -> news = (roster != NOBODY && untold); /* its holder has died inside */
        roster = me; untold = news
    }
    d_step {
        for (FOR_ALL(i)) {
            if
            :: present[i] && dead[i] && !noted[i] -> noted[i] = true; news = true
            :: else -> skip
            fi
        }
        untold = news; i = 0
    }
    atomic { roster = NOBODY; untold = false }
#ifndef NO_TELL
    if
    :: news -> ring_all()
    :: else -> skip
    fi;
#endif
    news = false
}

/* watch_seats: whom it watches, or `found`: one of them has died. */
inline watch_seats()
{
    d_step {
        found = false; set = 0;
        for (FOR_ALL(i)) {
            if
            :: IS_WATCHED(i) && present[i] && !noted[i] -> set = set | (1 << i); found = found || dead[i]
            :: else -> skip
            fi
        }
        i = 0
    }
    if
    :: found -> look()
    :: else -> skip
    fi
}

inline take_and_hear()
{
    d_step {
        told[me] = noted[0] + noted[1];
        if
        :: messages > 0 -> messages--; took = true
        :: else -> skip
        fi
    }
}

proctype consumer(byte me)
{
    byte i, k, set;
    bool found, news, again, took;
    {
        do
        ::  rung[me] = false;
            take_and_hear();
            if
            :: took -> at_work[me] = true; killed[me]
            :: true -> took = false
            fi;
            watch_seats();
            if
            :: found -> skip
            :: else ->
                atomic { /* futex_waitv */
                    for (FOR_ALL(i)) {
                        if
                        :: (set & (1 << i)) && dead[i] -> again = true
                        :: else -> skip
                        fi
                    }
                    i = 0;
#ifdef NO_VALUES
                    again = false;
#endif
                    if
                    :: again || rung[me] -> skip
                    :: else -> asleep[me] = true; queues[me] = set | BELL
                    fi;
                    again = false; set = 0
                }
                !asleep[me];
                queues[me] = 0;
#ifdef NO_SECOND_LOOK
                skip
#else
                watch_seats()
#endif
            fi
        od
    } unless { killed[me] }
    release_lock(me)
}

/* ---- the others ---------------------------------------------------------------------------------------------- */

proctype producer(byte me)
{
    byte k;
    if
    :: me == 1 ->
        present[me] = true;
#ifndef NO_STIR
        ring_all()
#endif
    :: else ->
        messages++;
        atomic { /* one is woken */
            rung[2] = true; rung[3] = true;
            wake_one(BELL)
        }
    fi;
    release_lock(me)
}

proctype killer()
{
    killed[3] = true
}

#define KNOWS(seat) (dead[seat] || at_work[seat] || told[seat] == PRODUCERS)

init
{
    atomic {
        present[0] = true; present[2] = true; present[3] = true;
        run consumer(2); run consumer(3); run producer(0); run producer(1);
        if
        :: run killer()
        :: skip
        fi
    }
    timeout -> assert(messages == 0 && KNOWS(2) && KNOWS(3))
}
