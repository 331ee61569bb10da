/* Requests on their way to a thread of a store driver. */
#ifndef BOOKING_STORE_QUEUE_H
#define BOOKING_STORE_QUEUE_H

#include "store/store.h"

#include <pthread.h>

/* Requests in order, linked by their `next`. */
struct store_list {
    struct store_request *first, **end;
};

void store_list_init(struct store_list *list);
void store_list_add(struct store_list *list, struct store_request *request);
struct store_request *store_list_take(struct store_list *list); /* NULL when empty */

/* Moves all of `from` behind `to`. */
void store_list_move(struct store_list *to, struct store_list *from);

/* Calls done() of each and frees what the store keeps for it. */
void store_list_finish(struct store_list *list);

/* The same for both lists, until they stay empty: a done() may submit again, and is told the same.
 */
void store_lists_finish(struct store_list *one, struct store_list *other);

/* A list between threads. */
struct store_queue {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* something was added, or the queue is closed */
    struct store_list waiting;
    bool closed;
};

/* False, with nothing to destroy, when out of memory. */
bool store_queue_init(struct store_queue *queue);
void store_queue_destroy(struct store_queue *queue);

void store_queue_add(struct store_queue *queue, struct store_request *request);

/* Waits until there is something, until `at` on loop_clock() (-1: for ever), or until the queue is
 * closed. Takes up to `limit` requests; the number of them, -1 when closed. */
int store_queue_take(struct store_queue *queue, int64_t at, struct store_request **requests,
                     int limit);

/* Nothing is given out any more; what is in it remains. */
void store_queue_close(struct store_queue *queue);

#endif
