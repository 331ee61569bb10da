/* Expiry: ends holds whose time has passed, by asking the store for it. Only the store's event then
 * frees the car. (A partner who asks about such a hold before that has it ended too, in
 * partner/change.c.)
 *
 * All of it belongs to the loop's thread. A request that was handed to the store belongs to the
 * store until it calls back, on the same thread. No hold is forgotten for lack of memory: the
 * requests are there from the start, and the queue keeps room for those under way, which may have
 * to come back.
 */
#ifndef BOOKING_INVENTORY_EXPIRY_H
#define BOOKING_INVENTORY_EXPIRY_H

#include "inventory/hold_queue.h"
#include "lib/base/loop.h"
#include "store/store.h"

enum { EXPIRIES_AT_ONCE = 64 };

struct expiry_request {
    struct store_request store;
    struct expiry *expiry;
    uint64_t generation; /* of the queue that the hold was taken from */
    struct expiry_request *next_free;
};

struct expiry {
    struct store *store;
    struct loop *loop;
    struct hold_queue holds; /* those waited for; some may have been confirmed or ended meanwhile */
    struct loop_timer timer;
    struct expiry_request requests[EXPIRIES_AT_ONCE], *free_requests;
    size_t under_way;
    uint64_t generation; /* how often expiry_begin_anew() was called */
    uint64_t expired;    /* how many this engine has ended */
};

/* The store and the loop are borrowed. */
void expiry_init(struct expiry *expiry, struct store *store, struct loop *loop);

/* Frees what it has. To be called once the store is closed: then no request is under way any more.
 */
void expiry_end(struct expiry *expiry);

/* Waits for this hold as well. False when out of memory. */
bool expiry_add(struct expiry *expiry, int64_t expires_at, const char *booking_id);

/* Forgets all holds, and waits for those of a newly loaded stock, which it takes. */
void expiry_begin_anew(struct expiry *expiry, struct stock *stock);

#endif
