/* The lease and the journal: workers that freeze, die and lose connections, one database, one world outside.
 *
 * docs/en/engine-protocol.md explains it; tests/engine/test_lease_model.py runs it and lists what breaks which property.
 *
 * There is no clock: a worker may be found late at any moment, so what holds here holds whatever the clocks say. A
 * frozen worker is one that all others overtake; thawed, it goes on where it was, and knows nothing.
 *
 * Bounds: WORKERS, RUNS, FREEZES (leases lost by workers that live), CRASHES (of workers, for good), LOSSES (of the
 * connection in the moment of a commit), HASTE (workers whose own clock says too early that the lease is over), CANCELS (1: somebody cancels run 0), TAKEOVERS (after which a run is given up).
 * ONLY=n checks one property of those below. All other flags break something, and stand beside what they break.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef RUNS
#define RUNS 2
#endif
#ifndef FREEZES
#define FREEZES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef TAKEOVERS
#define TAKEOVERS 1
#endif
#ifndef HASTE
#define HASTE 0
#endif
#define IDS (WORKERS + FREEZES + HASTE) /* so many ids of workers are ever given out; 0 is nobody */

#if !defined(ONLY) || ONLY == 1
#define NO_LATE_ROW(ok) assert(ok) /* a row is written by a living worker that holds the run, and by no other */
#else
#define NO_LATE_ROW(ok) skip
#endif
#if !defined(ONLY) || ONLY == 2
#define ONE_END(ok) assert(ok) /* a run ends once */
#else
#define ONE_END(ok) skip
#endif
#if !defined(ONLY) || ONLY == 3
#define ONE_KEY(ok) assert(ok) /* an effect is repeated under the same key alone */
#else
#define ONE_KEY(ok) skip
#endif
#if !defined(ONLY) || ONLY == 4
#define ONE_HOLDER(ok) assert(ok) /* when a run is claimed, no other living worker walks it */
#else
#define ONE_HOLDER(ok) skip
#endif
#if !defined(ONLY) || ONLY == 5
#define NO_RUN_LOST(ok) assert(ok) /* when nothing more can happen, every run has ended */
#else
#define NO_RUN_LOST(ok) skip
#endif
#if !defined(ONLY) || ONLY == 6
#define TRUE_ANSWER(ok) assert(ok) /* what a worker was told to be durable is in the database as that worker sent it */
#else
#define TRUE_ANSWER(ok) skip
#endif
#if !defined(ONLY) || ONLY == 7
#define ONE_ROW(ok) assert(ok) /* a run has one row for each number, and none is left out */
#else
#define ONE_ROW(ok) skip
#endif

/* What a run writes, a row at a time. Run 0 writes the outcome of a step and the beginning of the next in one row. Any
 * other run, and a run that is alone, asks a question with its first row and leaves memory until it is answered.
 *      run 0:  1 [begin A]      2 [outcome A, begin B]   3 [outcome B, end]
 *      others: 1 [begin A, ask] 2 [outcome A, park]      3 [begin B]          4 [outcome B, end]
 */
#define ASKS(r) ((r) > 0 || RUNS == 1)
#define ENDS(r, n) ((n) == (ASKS(r) -> 4 : 3))
#define PARKS(r, n) (ASKS(r) && (n) == 2)
#define BEGINS(r, n) ((n) == 1 || (n) == (ASKS(r) -> 3 : 2)) /* the row begins an effect */
#define FOLLOWS(r, n) ((n) == 2 || (n) == (ASKS(r) -> 4 : 3)) /* the row has the outcome of one */
#define ROWS 5
#define CLAIM 9 /* instead of a row: the wish to hold the run */

#define READY 0
#define HELD 1
#define SLEEPING 2
#define ENDED 3

typedef Run {
    byte state;
    byte holder; /* the id of the worker that holds it */
    byte hold; /* counts claims; only what is wrong without it looks at it */
    byte takeovers;
    bit nudged;
    bit answered;
    bit cancelled; /* somebody asked */
    byte ended_by; /* the worker, or who else is below */
    byte written; /* rows in the journal */
    byte writer[ROWS]; /* of each; for a row that begins an effect it stands for the time and chance that the writer drew */
    byte effect[ROWS]; /* the world outside: the key under which the effect that row n has the outcome of happened */
};
Run runs[RUNS];
#define GIVEN_UP 100
#define BY_CANCELLER 101

#define THINKS 0
#define QUEUED 1
#define AWAITS 2
typedef Walk { /* what a worker remembers of a run */
    byte hold; /* 0: it does not walk it */
    byte at; /* rows that it knows to be in the journal */
    byte key; /* of the effect that row `at` begins */
    byte phase;
    bit ends;
    bit parks;
};
typedef Worker {
    byte id;
    bit stopped;
    Walk walks[RUNS];
};
Worker workers[WORKERS];

bit alive[IDS + 1]; /* the table of workers */
bit gone[IDS + 1]; /* nobody will renew this lease */
byte ids = 0;
byte freezes = FREEZES;
byte crashes = CRASHES;
byte losses = LOSSES;
byte haste = HASTE;

/* What is under way to the database: a group commit of each worker, and at LOST one whose connection broke. */
#define FREE 0
#define LOCKED 1 /* in a transaction that has read the worker's row FOR SHARE */
#define DONE 2
#define AGAIN 3 /* to be sent again */
typedef Batch {
    byte phase;
    byte id;
    byte row[RUNS];
    byte hold[RUNS];
    bit ends[RUNS];
    bit parks[RUNS];
};
#define LOST WORKERS
Batch batches[WORKERS + 1];

inline clear(b) {
    batches[b].phase = FREE;
    batches[b].id = 0;
    for (i : 0 .. RUNS - 1) {
        batches[b].row[i] = 0;
        batches[b].hold[i] = 0;
        batches[b].ends[i] = 0;
        batches[b].parks[i] = 0
    }
}

inline forget(w, r) {
    workers[w].walks[r].hold = 0;
    workers[w].walks[r].at = 0;
    workers[w].walks[r].key = 0;
    workers[w].walks[r].phase = THINKS;
    workers[w].walks[r].ends = 0;
    workers[w].walks[r].parks = 0
}

/* ---- the database ---- */

#ifdef NO_FENCE
#define MAY_WRITE(id) true
#else
#define MAY_WRITE(id) alive[id]
#endif

#define IS_SHARED_BY(b, of) (batches[b].phase == LOCKED && batches[b].id == of)
#if WORKERS == 2
#define IS_SHARED(id) (IS_SHARED_BY(0, id) || IS_SHARED_BY(1, id) || IS_SHARED_BY(2, id))
#else
#define IS_SHARED(id) (IS_SHARED_BY(0, id) || IS_SHARED_BY(1, id) || IS_SHARED_BY(2, id) || IS_SHARED_BY(3, id))
#endif

/* A park is `WHERE worker = ?`. Who sends again what may have been done must count holds too: its park may come late. */
#if defined(RESEND) && !defined(NO_HOLD_COUNT)
#define HOLDS(b, r) (runs[r].holder == batches[b].id && runs[r].hold == batches[b].hold[r])
#else
#define HOLDS(b, r) (runs[r].holder == batches[b].id)
#endif

inline end_run(r, by) { /* WHERE finished IS NULL */
    ONE_END(runs[r].ended_by == 0 || runs[r].ended_by == by); /* the same end, sent again, is no other end */
    runs[r].state = ENDED;
    runs[r].ended_by = by;
    runs[r].holder = 0;
    runs[r].hold = 0; /* nobody looks at these any more: fewer states */
    runs[r].takeovers = 0;
    runs[r].nudged = 0;
    runs[r].answered = 0;
    runs[r].cancelled = 0
}

inline give(r, to) {
    for (i : 0 .. WORKERS - 1) {
        ONE_HOLDER(workers[i].walks[r].hold == 0 || !alive[workers[i].id] ||
            (workers[i].walks[r].phase == AWAITS && (workers[i].walks[r].ends || workers[i].walks[r].parks)))
    }
    runs[r].state = HELD;
    runs[r].holder = to;
    runs[r].nudged = 0;
    runs[r].hold++
}

inline write(b, r, n) {
    if
    :: runs[r].writer[n] == 0 ->
        NO_LATE_ROW(alive[batches[b].id] && runs[r].holder == batches[b].id && runs[r].hold == batches[b].hold[r]);
        ONE_ROW(runs[r].written == n - 1);
        runs[r].writer[n] = batches[b].id;
        runs[r].written = n
    :: else ->
#ifdef NO_ROW_KEY
        ONE_ROW(false)
#else
        skip /* ON CONFLICT DO NOTHING */
#endif
    fi;
    if
    :: batches[b].ends[r] -> end_run(r, batches[b].id)
    :: batches[b].parks[r] && HOLDS(b, r) ->
        runs[r].holder = 0;
        if
#ifdef FORGOTTEN_NUDGE
        :: true -> runs[r].state = SLEEPING
#else
        :: runs[r].nudged -> runs[r].state = READY /* whoever was answered meanwhile does not sleep */
        :: else -> runs[r].state = SLEEPING
#endif
        fi
    :: else
    fi
}

inline apply(b) {
    for (j : 0 .. RUNS - 1) {
        if
        :: batches[b].row[j] == CLAIM && runs[j].state == READY -> give(j, batches[b].id)
        :: batches[b].row[j] > 0 && batches[b].row[j] < CLAIM -> write(b, j, batches[b].row[j])
        :: else
        fi
    }
}

proctype Connection(byte b) {
    byte i, j;
end:
    do
    :: atomic {
           batches[b].phase == LOCKED -> apply(b);
           if
           :: b == LOST || workers[b].stopped -> clear(b) /* nobody listens */
           :: else -> batches[b].phase = DONE
           fi;
           i = 0;
           j = 0
       }
    :: atomic { batches[b].phase == LOCKED && b == LOST -> clear(b); i = 0 } /* rolled back */
    od
}

inline flip(id) {
    alive[id] = 0;
    if
    :: gone[id]
    :: else -> freezes--
    fi
}

inline requeue(id, r) {
    if
    :: runs[r].holder == id && runs[r].takeovers == TAKEOVERS -> end_run(r, GIVEN_UP)
    :: runs[r].holder == id && runs[r].takeovers < TAKEOVERS ->
        runs[r].takeovers++;
        runs[r].state = READY;
        runs[r].holder = 0
    :: else
    fi
}

#define IS_LATE(id) (alive[id] && (gone[id] || freezes > 0))
#ifdef UNLOCKED_FENCE
#define MAY_FLIP(id) IS_LATE(id)
#else
#define MAY_FLIP(id) (IS_LATE(id) && !IS_SHARED(id))
#endif

proctype Reaper(byte id) {
    byte j;
#ifdef SNAPSHOT_REAPER
    bit seen[RUNS];
#endif
end:
    do
#if defined(LATE_REAPER_ORDER)
    /* Two transactions: the runs are anybody's while their worker may still write. */
    :: atomic { IS_LATE(id) -> for (j : 0 .. RUNS - 1) { requeue(id, j) } j = 0 };
       atomic { MAY_FLIP(id) -> flip(id) }
#elif defined(SNAPSHOT_REAPER)
    /* One statement: which runs, it sees as they are when it begins; then it waits for the worker's row. */
    :: atomic { IS_LATE(id) -> for (j : 0 .. RUNS - 1) { seen[j] = runs[j].holder == id } j = 0 };
       atomic {
           MAY_FLIP(id) -> flip(id);
           for (j : 0 .. RUNS - 1) {
               if
               :: seen[j] -> requeue(id, j)
               :: else
               fi;
               seen[j] = 0
           }
           j = 0
       }
#else
    :: atomic { MAY_FLIP(id) -> flip(id); for (j : 0 .. RUNS - 1) { requeue(id, j) } j = 0 }
#endif
    od
}

inline nudge(r) {
    runs[r].nudged = 1;
    if
    :: runs[r].state == SLEEPING -> runs[r].state = READY
    :: else
    fi
}

proctype Answerer(byte r) {
end:
    atomic { runs[r].written > 0 && runs[r].state != ENDED -> runs[r].answered = 1; nudge(r) }
}

proctype Canceller(byte r) {
end:
#ifdef CANCEL_WHATEVER
    atomic { runs[r].state != ENDED -> end_run(r, BY_CANCELLER) }
#else
    atomic { runs[r].state != ENDED -> runs[r].cancelled = 1; nudge(r) }
#endif
}

/* ---- a worker ---- */

#define ME workers[w]
#define MINE workers[w].walks[r]
#ifdef NO_IDEMPOTENCY
#define KEY ME.id
#else
#define KEY MINE.key
#endif

inline begin_again(w) { /* drop everything; an id is never used again */
    for (i : 0 .. RUNS - 1) {
        forget(w, i)
    }
    ids++;
    ME.id = ids;
    alive[ids] = 1
}

inline lose_lease(w) {
#ifdef REUSE_ID
    alive[ME.id] = 1;
    for (i : 0 .. RUNS - 1) {
        if
        :: ME.walks[i].phase == AWAITS -> ME.walks[i].phase = QUEUED
        :: else
        fi
    }
#else
    begin_again(w)
#endif
}

inline perform(r, n, under) {
    ONE_KEY(runs[r].effect[n] == 0 || runs[r].effect[n] == under);
    runs[r].effect[n] = under
}

inline queue_row(w, r) {
    if
    :: runs[r].cancelled -> MINE.ends = 1
    :: else ->
        if
        :: FOLLOWS(r, MINE.at + 1) -> perform(r, MINE.at + 1, KEY)
        :: else
        fi;
#ifdef HASTY_EFFECT
        if
        :: BEGINS(r, MINE.at + 1) -> perform(r, MINE.at + 2, ME.id)
        :: else
        fi;
#endif
        MINE.ends = ENDS(r, MINE.at + 1);
        MINE.parks = PARKS(r, MINE.at + 1) && !runs[r].answered
    fi;
    MINE.phase = QUEUED
}

#define CAN_CLAIM (runs[r].state == READY && alive[ME.id] && !ME.stopped)

#ifdef HASTY_RELEASE
#define RENEWED alive[ME.id]
#else
#define RENEWED (alive[ME.id] && !IS_SHARED(ME.id)) /* renewing writes the worker's row: it waits for every commit */
#endif

/* A task for each run that the worker may walk. */
proctype Walker(byte w; byte r) {
    byte i;
end:
    do
    :: atomic { /* The claim has the worker's row FOR SHARE, so it is one with the look at it. */
           CAN_CLAIM && (MINE.hold == 0 || (MINE.phase == AWAITS && MINE.parks)) ->
           give(r, ME.id);
           MINE.hold = runs[r].hold;
           MINE.at = runs[r].written;
           MINE.key = runs[r].writer[runs[r].written];
           MINE.phase = THINKS;
           MINE.ends = 0;
           MINE.parks = 0;
           if
           :: !FOLLOWS(r, MINE.at + 1) && !runs[r].cancelled -> queue_row(w, r)
           :: else
           fi;
           i = 0
       }
    :: atomic { /* The same, but the answer is lost: it may be done, yet be done, or never. */
           CAN_CLAIM && MINE.hold == 0 && losses > 0 && batches[LOST].phase == FREE ->
           losses--;
           batches[LOST].phase = LOCKED;
           batches[LOST].id = ME.id;
           batches[LOST].row[r] = CLAIM
       }
    :: atomic { /* The next row. If it has an outcome, the effect comes first. */
           MINE.hold && MINE.phase == THINKS && !ME.stopped ->
           queue_row(w, r)
       }
#ifndef FORGOTTEN_CLAIM
    :: atomic { /* Held, says the database, and not in memory: given back. */
           runs[r].holder == ME.id && MINE.hold == 0 && !ME.stopped && RENEWED ->
           runs[r].state = READY;
           runs[r].holder = 0
       }
#endif
    od
}

/* What is sent waits for nothing but the worker's row; until it is locked, nobody else can tell that it is there. */
inline send(w) {
    batches[w].id = ME.id;
    for (i : 0 .. RUNS - 1) {
        if
        :: ME.walks[i].phase == QUEUED ->
            batches[w].row[i] = ME.walks[i].at + 1;
            batches[w].hold[i] = ME.walks[i].hold;
            batches[w].ends[i] = ME.walks[i].ends;
            batches[w].parks[i] = ME.walks[i].parks;
            ME.walks[i].phase = AWAITS
        :: else
        fi
    }
    batches[w].phase = LOCKED
}

#define IS_MINE(i) (batches[w].id == ME.id && batches[w].row[i] && ME.walks[i].hold == batches[w].hold[i])

inline acknowledge(w) {
    for (i : 0 .. RUNS - 1) {
        if
        :: IS_MINE(i) ->
            TRUE_ANSWER(runs[i].writer[batches[w].row[i]] == ME.id);
            if
            :: batches[w].ends[i] || batches[w].parks[i] -> forget(w, i)
            :: else ->
                ME.walks[i].at++;
                ME.walks[i].key = ME.id;
                ME.walks[i].phase = THINKS
            fi
        :: else
        fi
    }
    clear(w)
}

inline lose_connection(w) {
    batches[LOST].phase = LOCKED;
    batches[LOST].id = batches[w].id;
    for (i : 0 .. RUNS - 1) {
        batches[LOST].row[i] = batches[w].row[i];
        batches[LOST].hold[i] = batches[w].hold[i];
        batches[LOST].ends[i] = batches[w].ends[i];
        batches[LOST].parks[i] = batches[w].parks[i]
    }
#if defined(RESEND) || defined(STRAGGLER)
    batches[w].phase = AGAIN
#endif
#ifndef RESEND
    for (i : 0 .. RUNS - 1) {
        if
        :: IS_MINE(i) -> forget(w, i) /* put down, to be given back and walked again */
        :: else
        fi
    }
#ifndef STRAGGLER
    clear(w)
#endif
#endif
}

#if RUNS == 1
#define SOME_QUEUED (ME.walks[0].phase == QUEUED)
#define ALL_ENDED (runs[0].state == ENDED)
#else
#define SOME_QUEUED (ME.walks[0].phase == QUEUED || ME.walks[1].phase == QUEUED)
#define ALL_ENDED (runs[0].state == ENDED && runs[1].state == ENDED)
#endif

/* The one who commits for all runs of a worker, and renews its lease. */
proctype Writer(byte w) {
    byte i;
end:
    do
    :: atomic { batches[w].phase == FREE && SOME_QUEUED && MAY_WRITE(ME.id) -> send(w); i = 0 }
    :: atomic { batches[w].phase == DONE -> acknowledge(w); i = 0 }
    :: atomic { batches[w].phase == FREE && !alive[ME.id] -> lose_lease(w); i = 0 } /* a commit or renewal was refused */
    :: atomic { batches[w].phase == LOCKED && losses > 0 -> losses--; lose_connection(w); i = 0 }
#if defined(RESEND) || defined(STRAGGLER)
    :: atomic { batches[w].phase == AGAIN && alive[ME.id] -> batches[w].phase = LOCKED }
    :: atomic { batches[w].phase == AGAIN && !alive[ME.id] -> clear(w); lose_lease(w); i = 0 }
#endif
    :: atomic { /* its own clock says that the lease has run out, whatever the database's says */
           alive[ME.id] && haste > 0 -> haste--; gone[ME.id] = 1; begin_again(w); i = 0
       }
    :: atomic {
           crashes > 0 -> crashes--;
           ME.stopped = 1;
           gone[ME.id] = 1;
           for (i : 0 .. RUNS - 1) {
               forget(w, i)
           }
           if
           :: batches[w].phase > LOCKED -> clear(w)
           :: else
           fi;
           i = 0;
           break
       }
    od
}

init {
    byte i, j, w;
    atomic {
        for (w : 0 .. WORKERS - 1) {
            begin_again(w);
            run Writer(w);
            run Connection(w)
        }
        run Connection(LOST);
        for (j : 1 .. IDS) {
            run Reaper(j)
        }
        for (j : 0 .. RUNS - 1) {
            if
            :: ASKS(j) -> run Answerer(j)
            :: else
            fi;
            for (w : 0 .. WORKERS - 1) {
                run Walker(w, j)
            }
        }
#if CANCELS
        run Canceller(0);
#endif
        i = 0;
        j = 0;
        w = 0
    }
    atomic { timeout -> NO_RUN_LOST(ALL_ENDED) }
}
