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
 *     take a group of requests from the queue, or wait for one, the poll's interval at most
 *     read the events that other engines committed
 *     one transaction: the group's operations, their events
 *     hand events and requests over to the loop
 *
 * Requests are not touched until the transaction has succeeded. If anything fails the group is
 * undone as a whole, and every request of it gets STORE_UNAVAILABLE; but when it was one operation
 * that failed, and not the commit, each is tried by itself, so that one that meets a damaged page,
 * say, does not fail the others. When it is not sure that the transaction is undone, they get
 * STORE_UNKNOWN.
 */
#include "store/committer.h"

#include <stdio.h>
#include <stdlib.h>

enum { EVENTS_A_PORTION = 1024 }; /* of other engines' events in a batch */

/* --- trouble --------------------------------------------------------------------------------- */

static void committer_turn(struct committer *committer, struct batch *batch, bool in_trouble)
{
    if (batch->trouble_turns++ == 0)
        batch->was_in_trouble = committer->in_trouble;
    committer->in_trouble = in_trouble;
    if (committer->driver->trouble)
        committer->driver->trouble(committer->context, in_trouble);
}

static void begin_trouble(struct committer *committer, struct batch *batch, const char *sentence)
{
    if (committer->in_trouble)
        return; /* told already */
    committer_turn(committer, batch, true);
    snprintf(batch->trouble, sizeof batch->trouble, "%s",
             sentence ? sentence : "the store is out of memory");
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
    committer->driver->describe(committer->context, result, &sentence);
    begin_trouble(committer, batch, sentence.data);
    buffer_free(&sentence);
}

static bool check_database(struct committer *committer, struct batch *batch)
{
    if (!committer->driver->check)
        return true;
    struct buffer sentence;
    buffer_init(&sentence, OUTBOX_SENTENCE_MAX);
    bool good = committer->driver->check(committer->context, &sentence);
    if (!good)
        begin_trouble(committer, batch, sentence.data);
    buffer_free(&sentence);
    return good;
}

/* --- events ---------------------------------------------------------------------------------- */

static struct event_reader event_reader_begin(const struct committer *committer,
                                              struct batch *batch)
{
    return (struct event_reader){
        .batch = batch,
        .before = batch->event_count,
        .known = committer->last_event,
        .last = committer->last_event,
    };
}

bool event_reader_take(struct event_reader *reader, const struct store_event *event)
{
    reader->broken = reader->broken || event->number != reader->last + 1;
    if (reader->broken || !batch_add_event(reader->batch, event))
        return false;
    reader->last = event->number;
    return true;
}

bool event_reader_end(struct event_reader *reader, int64_t newest)
{
    if (!reader->broken && newest >= reader->known)
        return true;
    reader->batch->event_count = reader->before;
    reader->last = newest;
    return batch_add_event(reader->batch,
                           &(struct store_event){.number = newest, .kind = EVENT_FLEET});
}

size_t event_reader_count(const struct event_reader *reader)
{
    return reader->batch->event_count - reader->before;
}

/* Keeps what was read, or undoes the reading. */
static void finish_reading(struct committer *committer, const struct event_reader *reader,
                           int result)
{
    if (result == 0)
        committer->last_event = reader->last;
    else
        reader->batch->event_count = reader->before;
}

/* Reads a portion of what other engines committed. *behind says that there may be more. */
static int committer_follow(struct committer *committer, struct batch *batch, bool *behind)
{
    struct event_reader reader = event_reader_begin(committer, batch);
    int result = committer->driver->follow(committer->context, &reader, EVENTS_A_PORTION);
    finish_reading(committer, &reader, result);
    *behind = result == 0 && batch->event_count >= EVENTS_A_PORTION;
    return result;
}

/* --- groups ---------------------------------------------------------------------------------- */

/* Commits the group's requests from `first` on, or fails them; how many it committed. */
static int commit_part(struct committer *committer, struct batch *batch, int first, int count)
{
    bool operation_failed = false;
    int committed = 0, end = first + count;
    for (int i = first; i < end; i++)
        committer->outcomes[i].memory = NULL;
    struct event_reader reader = event_reader_begin(committer, batch);
    int result =
        committer->driver->transact(committer->context, &committer->group[first],
                                    &committer->outcomes[first], count, &reader, &operation_failed);
    finish_reading(committer, &reader, result);
    if (result == 0) {
        end_trouble(committer, batch);
        for (int i = first; i < end; i++)
            store_outcome_give(&committer->outcomes[i], committer->group[i]);
        return count;
    }
    bool one_by_one = operation_failed && count > 1;
    if (!one_by_one)
        fail_round(committer, batch, result);
    /* STORE_UNAVAILABLE is what the requests say from the start. */
    bool undone = committer->driver->undo(committer->context, result);
    for (int i = first; i < end; i++) {
        store_outcome_drop(&committer->outcomes[i]);
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
    if (!check_database(committer, batch)) {
        for (int i = 0; i < count; i++)
            store_list_add(&batch->requests, committer->group[i]);
        return true;
    }
    int result = committer_follow(committer, batch, &behind);
    if (result != 0)
        fail_round(committer, batch, result);
    if (behind)
        return false;
    if (count > 0)
        commit_group(committer, batch, count);
    else if (committer->in_trouble && committer->driver->probe(committer->context) == 0)
        end_trouble(committer, batch); /* it finds out by itself: perhaps nobody asks it any more */
    return true;
}

/* --- the thread ------------------------------------------------------------------------------ */

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
    if (committer->driver->trouble)
        committer->driver->trouble(committer->context, false);
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
        poll_at = loop_clock() + committer->driver->poll_interval;
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

static bool init_locks(struct committer *committer)
{
    if (pthread_mutex_init(&committer->turn, NULL) != 0)
        return false;
    if (pthread_mutex_init(&committer->next_turn, NULL) == 0)
        return true;
    pthread_mutex_destroy(&committer->turn);
    return false;
}

bool committer_init(struct committer *committer, const struct committer_driver *driver,
                    void *context)
{
    committer->driver = driver;
    committer->context = context;
    committer->in_trouble = false;
    if (!store_queue_init(&committer->queue))
        return false;
    if (!outbox_init(&committer->outbox)) {
        store_queue_destroy(&committer->queue);
        return false;
    }
    if (init_locks(committer))
        return true;
    outbox_destroy(&committer->outbox);
    store_queue_destroy(&committer->queue);
    return false;
}

void committer_destroy(struct committer *committer)
{
    pthread_mutex_destroy(&committer->next_turn);
    pthread_mutex_destroy(&committer->turn);
    outbox_destroy(&committer->outbox);
    store_queue_destroy(&committer->queue);
}
