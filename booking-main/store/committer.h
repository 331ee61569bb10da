/* The committer: the one thread of a store driver that writes what requests ask for, whatever the
 * database. See the idea in committer.c. */
#ifndef BOOKING_STORE_COMMITTER_H
#define BOOKING_STORE_COMMITTER_H

#include "store/outbox.h"
#include "store/outcome.h"
#include "store/queue.h"

enum { COMMITTER_GROUP_MAX = 256 };

/* Takes in events behind the last one that is known, and sees whether the history goes on from
 * there. */
struct event_reader {
    struct batch *batch;
    size_t before; /* events in the batch before the reading */
    int64_t known; /* number of the last event that was handed over */
    int64_t last;  /* of the last one taken */
    bool broken;   /* a number is missing */
};

/* Takes the next event, in the order of the numbers. False to stop the reading: one is missing, or
 * memory ran out. */
bool event_reader_take(struct event_reader *reader, const struct store_event *event);

/* Ends the reading; `newest` is the number of the newest event there is. If the history does not go
 * on from where it was, either what came next is not kept any more, or a backup was restored. Then
 * the only event is an EVENT_FLEET, at which everybody starts anew from a snapshot. False when out
 * of memory. */
bool event_reader_end(struct event_reader *reader, int64_t newest);

/* How many were taken. */
size_t event_reader_count(const struct event_reader *reader);

/* What a driver does for the committer, on the committer's thread. Results are 0, or a code of the
 * driver's own for what failed. */
struct committer_driver {
    int64_t poll_interval; /* nanoseconds between two looks for other engines' events */

    /* Whether the database may be worked with at all in this round. False, with a sentence added to
     * `error`, if not. NULL for a driver that need not ask. */
    bool (*check)(void *context, struct buffer *error);

    /* Reads events of other engines, `limit` at most, if there may be any. */
    int (*follow)(void *context, struct event_reader *reader, int64_t limit);

    /* One transaction of the requests, then the events up to its own, into the reader. The outcomes
     * are to be given or dropped, also on failure. *operation_failed says that it was one of the
     * operations that failed, and not the database: others may succeed by themselves. */
    int (*transact)(void *context, struct store_request *const *requests,
                    struct store_outcome *outcomes, int count, struct event_reader *reader,
                    bool *operation_failed);

    /* Ends a transaction that failed. Whether it certainly is not there, and never will be. */
    bool (*undo)(void *context, int result);

    /* Whether the database can be written again. */
    int (*probe)(void *context);

    /* Adds a sentence that says what failed and what to do about it. */
    void (*describe)(void *context, int result, struct buffer *error);

    /* The store is in trouble now, or not any more. NULL for a driver that need not know. */
    void (*trouble)(void *context, bool in_trouble);
};

struct committer {
    struct store_queue queue;
    struct outbox outbox;
    const struct committer_driver *driver;
    void *context;

    /* Held for each round, by committer_pause() for somebody else. */
    pthread_mutex_t turn, next_turn;

    /* The thread's alone. */
    int64_t last_event; /* handed over, or about to be */
    bool in_trouble;
    struct store_request *group[COMMITTER_GROUP_MAX];
    struct store_outcome outcomes[COMMITTER_GROUP_MAX];
};

/* False, with nothing to destroy, when the system has no more of something. The struct must not
 * move; driver and context are borrowed. */
bool committer_init(struct committer *committer, const struct committer_driver *driver,
                    void *context);

/* After the thread has ended. */
void committer_destroy(struct committer *committer);

/* Has the committer pause between two rounds. The turns are fair: a thread that waits is next,
 * however many rounds are due. */
void committer_pause(struct committer *committer);
void committer_resume(struct committer *committer);

/* What the thread runs, from the event after `last_event` on, until queue and outbox are closed. */
void committer_run(struct committer *committer, int64_t last_event);

#endif
