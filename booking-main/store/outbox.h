/* What the threads of a store driver hand over to the loop.
 *
 * The committer hands over batches: events, then the requests they belong to. There are a few
 * batches, used in turn. When the loop has not come round to any of them the committer waits, so
 * memory is bounded, whatever other engines do. Finished reads go beside them.
 */
#ifndef BOOKING_STORE_OUTBOX_H
#define BOOKING_STORE_OUTBOX_H

#include "lib/base/loop.h"
#include "store/queue.h"
#include "store/store.h"

#include <pthread.h>

enum { OUTBOX_BATCHES = 4, OUTBOX_SENTENCE_MAX = 512 };

/* What the loop is told by one round of the committer, in this order. */
struct batch {
    struct batch *next;
    struct store_event *events;
    size_t event_count, event_capacity;
    struct store_commit commit; /* operations 0: there was none */
    bool was_in_trouble;        /* at first */
    unsigned trouble_turns;     /* how often that changed */
    char trouble[OUTBOX_SENTENCE_MAX];
    struct store_list requests;
};

struct outbox {
    pthread_mutex_t lock;
    pthread_cond_t returned; /* a batch, or the outbox is closed */
    struct batch *free_batches;
    struct batch *first, **last;
    struct store_list done_reads;
    bool closed;
    int wake_fd; /* an eventfd: there is something in it */
    struct loop *loop;
    struct loop_watch watch;
    struct store_handlers handlers;
    struct batch batches[OUTBOX_BATCHES];
};

/* False, with nothing to destroy, when the system has no more of something. */
bool outbox_init(struct outbox *outbox);
void outbox_destroy(struct outbox *outbox);

/* Has the loop deliver; 0 or a negative errno value. */
int outbox_start(struct outbox *outbox, struct loop *loop, const struct store_handlers *handlers);

/* Ends the delivery, once the threads have ended. The last batches are delivered from within this
 * call. */
void outbox_stop(struct outbox *outbox);

/* An empty batch; waits until the loop has given one back. NULL when the outbox is closed. */
struct batch *outbox_take_batch(struct outbox *outbox);
bool batch_is_empty(const struct batch *batch);

/* False when out of memory. */
bool batch_add_event(struct batch *batch, const struct store_event *event);

/* Gives a batch, or a read that has been done, to the loop. */
void outbox_hand_over(struct outbox *outbox, struct batch *batch);
void outbox_hand_over_read(struct outbox *outbox, struct store_request *request);

/* No batches are given out any more. */
void outbox_close(struct outbox *outbox);

#endif
