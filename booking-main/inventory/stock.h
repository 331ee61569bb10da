/* The stock: the catalog and the availability index at one moment of the store.
 *
 * It can be loaded in any thread and then handed to the one that uses it.
 */
#ifndef BOOKING_INVENTORY_STOCK_H
#define BOOKING_INVENTORY_STOCK_H

#include "inventory/availability.h"
#include "inventory/catalog.h"

struct stock_hold {
    int64_t expires_at;
    char booking_id[BOOKING_ID_SIZE + 1];
};

struct stock {
    struct catalog *catalog;
    struct availability *availability;
    int64_t last_event;       /* everything up to this event is in it */
    struct stock_hold *holds; /* of the bookings that were held */
    size_t hold_count;
};

/* Reads the store's snapshot with the bookings that end after `since`, in minutes. `go_on` is asked
 * now and then, in the thread that loads, whether to go on; with NULL nothing stops the loading.
 * Returns NULL, with a sentence added to `error`, on failure or soon after `go_on` returned false.
 */
struct stock *stock_load(struct store *store, int32_t since, bool (*go_on)(void *context),
                         void *context, struct buffer *error);

/* Frees the period of the car with this number, if it is there. */
void stock_release(struct stock *stock, int64_t car, struct period period);

/* Takes a while with a million cars. NULL is fine. */
void stock_free(struct stock *stock);

#endif
