/* Group commit.
 *
 * A commit is durable when the disk says so, and a disk says so some hundred to a thousand times a
 * second, however little is written each time. So one thread, the committer, does all the writing
 * that somebody waits for: while the disk is busy with one transaction, the requests that come
 * meanwhile queue up, and all of them together become the next. Nobody waits for company: a lone
 * request is committed at once, and a hundred at a time share one sync. There is no timer to tune.
 *
 * The committer's round:
 *
 *     take a group of requests from the queue, or wait for one, 200 ms at most
 *     read the events that other engines committed, if the database has changed
 *     BEGIN IMMEDIATE, the group's operations, read their events, COMMIT
 *     hand events and requests over to the loop
 *
 * All that may fail comes before COMMIT, and requests are not touched until it has succeeded. If
 * anything fails the group is undone as a whole, and every request of it gets STORE_UNAVAILABLE;
 * but when it was one operation that failed, and not the commit, each is tried by itself, so that
 * one that meets a damaged page, say, does not fail the others.
 *
 * A COMMIT whose sync fails has written all of the group to the log. It does not count, but after a
 * crash it would. The next transaction is written over it, so the committer makes one at once, and
 * answers then. When that fails too, the requests get STORE_UNKNOWN.
 */
#include "store/sqlite/committer.h"

#include "store/sqlite/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* How long the committer waits for another's lock: an HTTP answer is waiting for it. While in
 * trouble, when most likely it would wait in vain, a shorter time. */
#define PATIENCE            (1500 * LOOP_MILLISECOND)
#define PATIENCE_IN_TROUBLE (100 * LOOP_MILLISECOND)

/* The longest it waits for an import, which is known to end. */
#define PATIENCE_WITH_IMPORT (15 * LOOP_SECOND)

#define POLL_INTERVAL (200 * LOOP_MILLISECOND)

enum {
    EVENTS_A_PORTION = 1024, /* of other engines' events in a batch */
    CACHE_KIB = 8192,
};

/* --- trouble --------------------------------------------------------------------------------- */

static void committer_turn(struct committer *committer, struct batch *batch, bool in_trouble)
{
    if (batch->trouble_turns++ == 0)
        batch->was_in_trouble = committer->in_trouble;
    committer->in_trouble = in_trouble;
    committer->connection.patience = in_trouble ? PATIENCE_IN_TROUBLE : PATIENCE;
}

static void begin_trouble(struct committer *committer, struct batch *batch, const char *sentence)
{
    if (committer->in_trouble)
        return; /* told already */
    committer_turn(committer, batch, true);
    snprintf(batch->trouble, sizeof batch->trouble, "%s", sentence);
}

static void end_trouble(struct committer *committer, struct batch *batch)
{
    if (committer->in_trouble)
        committer_turn(committer, batch, false);
}

static void fail_round(struct committer *committer, struct batch *batch, int result)
{
    struct buffer sentence;
    buffer_init(&sentence, OUTBOX_SENTENCE_MAX);
    sqlite_describe(&committer->connection, result, &sentence);
    begin_trouble(committer, batch, sentence.data ? sentence.data : "the store is out of memory");
    buffer_free(&sentence);
}

/* Whether the files are still where they were. Commits to one that was deleted or replaced would be
 * answered, and lost. */
static bool check_place(struct committer *committer, struct batch *batch)
{
    struct buffer sentence;
    buffer_init(&sentence, OUTBOX_SENTENCE_MAX);
    bool in_place = sqlite_place_check(&committer->place, &sentence);
    if (!in_place)
        begin_trouble(committer, batch,
                      sentence.data ? sentence.data : "the database was moved while in use");
    buffer_free(&sentence);
    return in_place;
}

/* --- events ------------------------------------------------------------------- */

/* Where the events are read to. */
struct event_reader {
    struct batch *batch;
    int64_t last;
    bool broken; /* a number is missing */
};

static int take_event(void *context, const struct store_event *event)
{
    struct event_reader *reader = context;
    if (event->number != reader->last + 1) {
        reader->broken = true;
        return SQLITE_ABORT;
    }
    reader->last = event->number;
    return batch_add_event(reader->batch, event) ? SQLITE_OK : SQLITE_NOMEM;
}

/* Adds the events that were not seen yet, `limit` of them at most, and sets *last to the number of
 * the last one. If the history does not go on from where it was, either what came next is not kept
 * any more, or a backup was restored into the file. Then the only event added is an EVENT_FLEET, at
 * which everybody starts anew from a snapshot. */
static int read_events(struct committer *committer, struct batch *batch, int64_t limit,
                       int64_t *last)
{
    struct sqlite_events *events = &committer->operations.events;
    struct event_reader reader = {batch, committer->last_event, false};
    size_t before = batch->event_count;
    int64_t newest = 0;
    int result = sqlite_events_read(events, committer->last_event, limit, take_event, &reader);
    if (result == SQLITE_OK || reader.broken)
        result = sqlite_last_event(events, &newest);
    if (result == SQLITE_OK && (reader.broken || newest < committer->last_event)) {
        batch->event_count = before;
        reader.last = newest;
        if (!batch_add_event(batch, &(struct store_event){.number = newest, .kind = EVENT_FLEET}))
            result = SQLITE_NOMEM;
    }
    if (result == SQLITE_OK)
        *last = reader.last;
    else
        batch->event_count = before;
    return result;
}

/* Reads a portion of what other engines committed. *behind says that there may be more. */
static int committer_follow(struct committer *committer, struct batch *batch, bool *behind)
{
    int64_t version = 0, last = committer->last_event;
    *behind = false;
    int result = sqlite_data_version(&committer->operations.events, &version);
    if (result != SQLITE_OK)
        return result;
    /* A connection's own changes do not count for the version, and in memory all changes are its
     * own. */
    if (version == committer->known_version && !committer->in_memory)
        return SQLITE_OK;
    result = read_events(committer, batch, EVENTS_A_PORTION, &last);
    if (result != SQLITE_OK)
        return result;
    committer->last_event = last;
    *behind = batch->event_count >= EVENTS_A_PORTION;
    if (!*behind)
        committer->known_version = version; /* older than what was read, or the same */
    return SQLITE_OK;
}

/* --- groups ------------------------------------------------------------------- */

/* Until when, in seconds, a large import said it may hold the write lock; 0 for none. */
static int read_import_deadline(struct committer *committer, int64_t *deadline)
{
    struct query query = query_begin(&committer->connection, &committer->find_import,
                                     "SELECT value FROM meta WHERE name = 'import'");
    int result = query_step(&query);
    if (result == SQLITE_ROW)
        *deadline = sqlite3_column_int64(query.statement, 0);
    query_end(&query);
    return result == SQLITE_ROW ? SQLITE_OK : result;
}

/* Begins a transaction. An import of a million cars may hold the lock for seconds; it said so, and
 * waiting for it is better than refusing what comes meanwhile. */
static int begin_writing(struct committer *committer)
{
    int64_t limit = loop_clock() + PATIENCE_WITH_IMPORT, import_deadline = 0;
    int result;
    do
        result = sqlite_begin(&committer->operations);
    while ((result & 0xFF) == SQLITE_BUSY && loop_clock() < limit &&
           read_import_deadline(committer, &import_deadline) == SQLITE_OK &&
           import_deadline > time(NULL));
    if ((result & 0xFF) == SQLITE_BUSY) { /* the import may have ended just before that was read */
        int64_t patience = committer->connection.patience;
        committer->connection.patience = 0;
        result = sqlite_begin(&committer->operations);
        committer->connection.patience = patience;
    }
    return result;
}

/* A transaction that changes nothing that anybody reads. It finds out whether the database can be
 * written, and it is written over what a failed commit has left in the log. */
static int write_something(struct committer *committer)
{
    int result = sqlite_begin(&committer->operations);
    if (result == SQLITE_OK) {
        struct query query = query_begin(&committer->connection, &committer->write_something,
                                         "UPDATE meta SET value = value + 1 WHERE name = 'alive'");
        result = query_run(&query);
    }
    if (result == SQLITE_OK)
        result = sqlite_commit(&committer->operations);
    if (result != SQLITE_OK)
        sqlite_rollback(&committer->connection);
    return result;
}

/* Where a transaction failed. */
enum step { STEP_BEGIN, STEP_OPERATION, STEP_EVENTS, STEP_COMMIT };

/* One transaction of the group's requests from `first` on. *step is the last one taken. */
static int try_commit(struct committer *committer, struct batch *batch, int first, int count,
                      enum step *step)
{
    struct sqlite_operations *operations = &committer->operations;
    int64_t last = committer->last_event;
    size_t before = batch->event_count;
    *step = STEP_BEGIN;
    int result = begin_writing(committer);
    operations->time = store_clock_move(&committer->clock, loop_clock(), time(NULL));
    for (int i = 0; i < count && result == SQLITE_OK; i++) {
        *step = STEP_OPERATION;
        result = sqlite_operation_run(operations, committer->group[first + i],
                                      &committer->outcomes[first + i]);
    }
    if (result == SQLITE_OK) {
        *step = STEP_EVENTS;
        result = read_events(committer, batch, -1, &last);
    }
    if (result == SQLITE_OK) {
        *step = STEP_COMMIT;
        result = sqlite_commit(operations);
    }
    if (result == SQLITE_OK)
        committer->last_event = last;
    else
        batch->event_count = before;
    return result;
}

/* Whether a transaction that failed like that is certainly not on the disk. It never was there when
 * its end could not be written; otherwise it is made sure of by writing over it. */
static bool is_undone(struct committer *committer, enum step step, int result)
{
    return step != STEP_COMMIT || (result & 0xFF) == SQLITE_FULL ||
           (result & 0xFF) == SQLITE_BUSY || result == SQLITE_IOERR_WRITE ||
           write_something(committer) == SQLITE_OK;
}

/* Commits the group's requests from `first` on, or fails them; how many it committed. */
static int commit_part(struct committer *committer, struct batch *batch, int first, int count)
{
    enum step step;
    int committed = 0, end = first + count;
    for (int i = first; i < end; i++)
        committer->outcomes[i].memory = NULL;
    int result = try_commit(committer, batch, first, count, &step);
    if (result == SQLITE_OK) {
        end_trouble(committer, batch);
        for (int i = first; i < end; i++)
            sqlite_outcome_give(&committer->outcomes[i], committer->group[i]);
        return count;
    }
    bool one_by_one = step == STEP_OPERATION && count > 1;
    if (!one_by_one)
        fail_round(committer, batch, result);
    sqlite_rollback(&committer->connection);
    /* STORE_UNAVAILABLE is what the requests say from the start. */
    bool undone = is_undone(committer, step, result);
    for (int i = first; i < end; i++) {
        sqlite_outcome_drop(&committer->outcomes[i]);
        if (!undone)
            committer->group[i]->result = STORE_UNKNOWN;
    }
    for (int i = first; one_by_one && i < end; i++)
        committed += commit_part(committer, batch, i, 1);
    return committed;
}

static void commit_group(struct committer *committer, struct batch *batch, int count)
{
    int64_t start = loop_clock();
    int committed = commit_part(committer, batch, 0, count);
    batch->commit = (struct store_commit){
        .operations = (unsigned)committed,
        .duration = loop_clock() - start,
    };
    for (int i = 0; i < count; i++)
        store_list_add(&batch->requests, committer->group[i]);
}

/* A round with a group of `count` requests, which may be 0. False when it only read a portion of
 * other engines' events: more of them come before the group's turn. */
static bool committer_work(struct committer *committer, struct batch *batch, int count)
{
    bool behind = false;
    if (!check_place(committer, batch)) {
        for (int i = 0; i < count; i++)
            store_list_add(&batch->requests, committer->group[i]);
        return true;
    }
    int result = committer_follow(committer, batch, &behind);
    if (result != SQLITE_OK)
        fail_round(committer, batch, result);
    if (behind)
        return false;
    if (count > 0)
        commit_group(committer, batch, count);
    else if (committer->in_trouble && write_something(committer) == SQLITE_OK)
        end_trouble(committer, batch); /* it finds out by itself: perhaps nobody asks it any more */
    return true;
}

/* A thread that has `next_turn` waits for one other at most: the one that has `turn`. */
void committer_pause(struct committer *committer)
{
    pthread_mutex_lock(&committer->next_turn);
    pthread_mutex_lock(&committer->turn);
    pthread_mutex_unlock(&committer->next_turn);
}

void committer_resume(struct committer *committer)
{
    pthread_mutex_unlock(&committer->turn);
}

void committer_run(struct committer *committer, int64_t last_event)
{
    committer->last_event = last_event;
    committer->connection.patience = PATIENCE;
    struct batch *batch = outbox_take_batch(&committer->outbox);
    int64_t poll_at = 0; /* the first time at once */
    int count = 0;
    bool worked = true;
    while (batch) {
        if (worked)
            count =
                store_queue_take(&committer->queue, poll_at, committer->group, COMMITTER_GROUP_MAX);
        if (count < 0)
            break;
        poll_at = loop_clock() + POLL_INTERVAL;
        committer_pause(committer);
        worked = committer_work(committer, batch, count);
        committer_resume(committer);
        if (batch_is_empty(batch))
            continue;
        outbox_hand_over(&committer->outbox, batch);
        batch = outbox_take_batch(&committer->outbox);
    }
    for (int i = 0; !worked && i < count; i++)
        store_queue_add(&committer->queue, committer->group[i]); /* not begun */
}

/* --- opening and closing --------------------------------------------------------------------- */

static bool init_locks(struct committer *committer)
{
    if (pthread_mutex_init(&committer->turn, NULL) != 0)
        return false;
    if (pthread_mutex_init(&committer->next_turn, NULL) == 0)
        return true;
    pthread_mutex_destroy(&committer->turn);
    return false;
}

static void destroy_locks(struct committer *committer)
{
    pthread_mutex_destroy(&committer->next_turn);
    pthread_mutex_destroy(&committer->turn);
}

/* The database as this version wants it, its clock, and where it lies. */
static bool set_up(struct committer *committer, const char *path, struct buffer *error)
{
    int64_t kept = 0;
    if (!sqlite_schema_prepare(&committer->connection, sqlite_schema_steps, sqlite_schema_version,
                               error))
        return false;
    int result = sqlite_read_number(&committer->connection,
                                    "SELECT value FROM meta WHERE name = 'time'", &kept);
    if (result == SQLITE_OK && !sqlite_place_note(&committer->place, path))
        result = SQLITE_NOMEM;
    if (result != SQLITE_OK)
        sqlite_describe(&committer->connection, result, error);
    store_clock_start(&committer->clock, kept, loop_clock());
    return result == SQLITE_OK;
}

bool committer_open(struct committer *committer, const char *path, struct buffer *error)
{
    if (!store_queue_init(&committer->queue))
        goto no_queue;
    if (!outbox_init(&committer->outbox))
        goto no_outbox;
    if (!init_locks(committer))
        goto no_lock;
    committer->in_memory = sqlite_path_is_memory(path);
    committer->known_version = -1;
    committer->in_trouble = false;
    if (!sqlite_place_is_sound(path, error) ||
        !sqlite_connection_open(&committer->connection, path, CACHE_KIB, error))
        goto no_connection;
    sqlite_operations_init(&committer->operations, &committer->connection);
    if (set_up(committer, path, error))
        return true;
    committer_close(committer);
    return false;

no_connection:
    destroy_locks(committer);
    outbox_destroy(&committer->outbox);
    store_queue_destroy(&committer->queue);
    return false;
no_lock:
    outbox_destroy(&committer->outbox);
no_outbox:
    store_queue_destroy(&committer->queue);
no_queue:
    buffer_printf(error, "database '%s': out of memory", path);
    return false;
}

void committer_close(struct committer *committer)
{
    sqlite_connection_close(&committer->connection);
    sqlite_place_free(&committer->place);
    destroy_locks(committer);
    outbox_destroy(&committer->outbox);
    store_queue_destroy(&committer->queue);
}
