/* Expiry: ends holds whose time has passed, by asking the store for it. Only the store's event then
 * frees the car.
 *
 * All of it belongs to the loop's thread. The store has each of the requests under way until it
 * calls back, on the same thread.
 */
#ifndef BOOKING_INVENTORY_EXPIRY_H
#define BOOKING_INVENTORY_EXPIRY_H

#include "inventory/hold_queue.h"
#include "lib/base/loop.h"
#include "store/store.h"

struct expiry {
    struct store *store;
    struct loop *loop;
    struct hold_queue holds; /* those waited for; some may have been confirmed or ended meanwhile */
    struct loop_timer timer;
    unsigned under_way;
    uint64_t expired; /* how many this engine has ended */
};

/* The store and the loop are borrowed. */
void expiry_init(struct expiry *expiry, struct store *store, struct loop *loop);

/* Once the store is closed, so that nothing is under way. */
void expiry_end(struct expiry *expiry);

/* Waits for this hold as well. False when out of memory. */
bool expiry_add(struct expiry *expiry, int64_t expires_at, const char *booking_id);

#endif
