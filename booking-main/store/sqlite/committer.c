/* Group commit.
 *
 * A commit is durable when the disk says so, and a disk says so some hundred to a thousand times a
 * second, however little is written each time. So one thread, the committer, does all the writing:
 * while the disk is busy with one transaction, the requests that come meanwhile queue up, and all
 * of them together become the next. Nobody waits for company: a lone request is committed at once,
 * and a hundred at a time share one sync. There is no timer to tune.
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

#define POLL_INTERVAL  (200 * LOOP_MILLISECOND)
#define PURGE_INTERVAL (10 * LOOP_SECOND)

enum {
    EVENTS_A_PORTION = 1024, /* of other engines' events in a batch */
    ANSWERS_A_PORTION = 512, /* to look through in one purge */
    CACHE_KIB = 8192,
};

/* --- trouble --------------------------------------------------------------------------------- */

static void turn(struct committer *committer, struct batch *batch, bool in_trouble)
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
    turn(committer, batch, true);
    snprintf(batch->trouble, sizeof batch->trouble, "%s", sentence);
}

static void end_trouble(struct committer *committer, struct batch *batch)
{
    if (committer->in_trouble)
        turn(committer, batch, false);
}

static void fail_round(struct committer *committer, struct batch *batch, int result)
{
    struct buffer sentence;
    buffer_init(&sentence, OUTBOX_SENTENCE_MAX);
    sqlite_describe(&committer->connection, result, &sentence);
    begin_trouble(committer, batch, sentence.data ? sentence.data : "the store is out of memory");
    buffer_free(&sentence);
}

/* Whether the file is still where it was. Commits to one that was deleted or replaced would be
 * answered, and lost. */
static bool check_place(struct committer *committer, struct batch *batch)
{
    sqlite3 *db = committer->connection.db;
    int moved = 0;
    if (committer->in_memory ||
        sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || !moved)
        return true;
    char sentence[OUTBOX_SENTENCE_MAX];
    snprintf(sentence, sizeof sentence,
             "database '%s' was moved or deleted while in use: stop the engine, put it back and "
             "start again",
             committer->connection.path);
    begin_trouble(committer, batch, sentence);
    return false;
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
 * the last one. If the history does not go on from where it was, a backup was restored into the
 * file: then it is an EVENT_FLEET, at which everybody starts anew from a snapshot. */
static int read_events(struct committer *committer, struct batch *batch, int64_t limit,
                       int64_t *last)
{
    struct sqlite_operations *operations = &committer->operations;
    struct event_reader reader = {batch, committer->last_event, false};
    size_t before = batch->event_count;
    int64_t newest = 0;
    int result = sqlite_read_events(operations, committer->last_event, limit, take_event, &reader);
    if (result == SQLITE_OK || reader.broken)
        result = sqlite_last_event(operations, &newest);
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
static int follow(struct committer *committer, struct batch *batch, bool *behind)
{
    int64_t version = 0, last = committer->last_event;
    *behind = false;
    int result = sqlite_data_version(&committer->operations, &version);
    if (result != SQLITE_OK)
        return result;
    /* A connection's own changes, and in memory all are, do not count. */
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

/* Begins a transaction. An import of a million cars may hold the lock for seconds; it said so, and
 * waiting for it is better than refusing what comes meanwhile. */
static int begin_writing(struct committer *committer)
{
    int64_t limit = loop_clock() + PATIENCE_WITH_IMPORT, import_deadline = 0;
    int result;
    do
        result = sqlite_begin(&committer->operations);
    while ((result & 0xFF) == SQLITE_BUSY && loop_clock() < limit &&
           sqlite_import_deadline(&committer->operations, &import_deadline) == SQLITE_OK &&
           import_deadline > time(NULL));
    return result;
}

/* One transaction of the group's requests from `first` on. *failed_operation: it was one of them
 * that failed, not what surrounds them. */
static int try_commit(struct committer *committer, struct batch *batch, int first, int count,
                      bool *failed_operation)
{
    struct sqlite_operations *operations = &committer->operations;
    int64_t last = committer->last_event;
    size_t before = batch->event_count;
    *failed_operation = false;
    int result = begin_writing(committer);
    for (int i = 0; i < count && result == SQLITE_OK; i++) {
        result = sqlite_operation_run(operations, committer->group[first + i],
                                      &committer->outcomes[first + i]);
        *failed_operation = result != SQLITE_OK;
    }
    if (result == SQLITE_OK)
        result = read_events(committer, batch, -1, &last);
    if (result == SQLITE_OK)
        result = sqlite_commit(operations);
    if (result == SQLITE_OK)
        committer->last_event = last;
    else
        batch->event_count = before;
    return result;
}

/* Commits the group's requests from `first` on, or fails them; how many it committed. */
static int commit_part(struct committer *committer, struct batch *batch, int first, int count)
{
    bool failed_operation = false;
    int committed = 0;
    for (int i = first; i < first + count; i++)
        committer->outcomes[i].memory = NULL;
    int result = try_commit(committer, batch, first, count, &failed_operation);
    if (result == SQLITE_OK) {
        end_trouble(committer, batch);
        for (int i = first; i < first + count; i++)
            sqlite_outcome_give(&committer->outcomes[i], committer->group[i]);
        return count;
    }
    bool one_by_one = failed_operation && count > 1;
    if (!one_by_one)
        fail_round(committer, batch,
                   result); /* the requests say STORE_UNAVAILABLE from the start */
    sqlite_rollback(&committer->connection);
    for (int i = first; i < first + count; i++)
        sqlite_outcome_drop(&committer->outcomes[i]);
    for (int i = first; one_by_one && i < first + count; i++)
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

/* Nobody may ask a store in trouble for anything, so it finds out by itself when it is over. */
static void probe(struct committer *committer, struct batch *batch)
{
    int result = sqlite_begin(&committer->operations);
    if (result == SQLITE_OK)
        result = sqlite_write_something(&committer->operations);
    if (result == SQLITE_OK)
        result = sqlite_commit(&committer->operations);
    if (result == SQLITE_OK)
        end_trouble(committer, batch);
    else
        sqlite_rollback(&committer->connection);
}

/* Deletes a portion of the answers that nobody may ask for any more. */
static void purge(struct committer *committer, struct batch *batch)
{
    int deleted = 0;
    int result = sqlite_purge_answers(&committer->operations, time(NULL) - STORE_ANSWER_SECONDS,
                                      ANSWERS_A_PORTION, &deleted);
    if (result != SQLITE_OK)
        fail_round(committer, batch, result);
    if (deleted < ANSWERS_A_PORTION)
        committer->next_purge = loop_clock() + PURGE_INTERVAL;
}

/* A round with a group of requests, none if `count` is 0. False when it came to nothing but a
 * portion of others' events, with more to come before the group's turn. */
static bool work(struct committer *committer, struct batch *batch, int count)
{
    bool behind = false;
    if (!check_place(committer, batch)) {
        for (int i = 0; i < count; i++)
            store_list_add(&batch->requests, committer->group[i]);
        return true;
    }
    int result = follow(committer, batch, &behind);
    if (result != SQLITE_OK)
        fail_round(committer, batch, result);
    if (behind)
        return false;
    if (count > 0)
        commit_group(committer, batch, count);
    else if (committer->in_trouble)
        probe(committer, batch);
    if (!committer->in_trouble && loop_clock() >= committer->next_purge)
        purge(committer, batch);
    return true;
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
        pthread_mutex_lock(&committer->connection_lock);
        worked = work(committer, batch, count);
        pthread_mutex_unlock(&committer->connection_lock);
        if (batch_is_empty(batch))
            continue;
        outbox_hand_over(&committer->outbox, batch);
        batch = outbox_take_batch(&committer->outbox);
    }
    for (int i = 0; !worked && i < count; i++)
        store_queue_add(&committer->queue, committer->group[i]); /* not begun */
}

/* --- opening and closing --------------------------------------------------------------------- */

bool committer_open(struct committer *committer, const char *path, struct buffer *error)
{
    if (!store_queue_init(&committer->queue))
        goto no_queue;
    if (!outbox_init(&committer->outbox))
        goto no_outbox;
    if (pthread_mutex_init(&committer->connection_lock, NULL) != 0)
        goto no_lock;
    committer->in_memory = sqlite_path_is_memory(path);
    committer->known_version = -1;
    committer->next_purge = 0;
    committer->in_trouble = false;
    if (!sqlite_connection_open(&committer->connection, path, CACHE_KIB, error))
        goto no_connection;
    sqlite_operations_init(&committer->operations, &committer->connection);
    if (sqlite_schema_prepare(&committer->connection, sqlite_schema_steps, sqlite_schema_version,
                              error))
        return true;
    committer_close(committer);
    return false;

no_connection:
    pthread_mutex_destroy(&committer->connection_lock);
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
    sqlite_operations_end(&committer->operations);
    sqlite_connection_close(&committer->connection);
    pthread_mutex_destroy(&committer->connection_lock);
    outbox_destroy(&committer->outbox);
    store_queue_destroy(&committer->queue);
}
