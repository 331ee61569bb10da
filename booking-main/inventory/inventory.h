/* The inventory: which cars there are and when each is free, kept up to date on the event loop.
 *
 * It follows the store's events, in their order, and adds what this engine has claimed and not
 * committed yet, so that racing requests take different cars. What it says is a proposal: the store
 * decides. When the fleet is replaced, a new stock is loaded in another thread and swapped in.
 */
#ifndef BOOKING_INVENTORY_INVENTORY_H
#define BOOKING_INVENTORY_INVENTORY_H

#include "inventory/availability.h"
#include "inventory/catalog.h"
#include "lib/base/loop.h"
#include "lib/log/log.h"
#include "rental/criteria.h"
#include "store/store.h"

struct inventory;

/* A car that a request has chosen, until its booking is committed or fails. The caller owns it. */
struct claim {
    char booking_id[BOOKING_ID_SIZE + 1];
    int64_t car;          /* the store's number */
    struct period period; /* that it occupies, turnaround included */
    uint64_t stock;       /* which one the car was chosen from */
    enum { CLAIM_NONE, CLAIM_HELD, CLAIM_LOST, CLAIM_COMMITTED } state; /* NONE: not claimed */
    struct claim *next, *previous;
};

/* Loads the stock, and blocks meanwhile. `go_on` is asked now and then whether to go on; with NULL
 * nothing stops the loading. Returns NULL, with a sentence added to `error`, on failure. The store,
 * loop and log are borrowed. Inventory and store use each other, so they end in three steps:
 * inventory_stop() ends a loading that is under way, within a second with a million cars;
 * store_close() ends the expiries under way; inventory_free() frees the rest. NULL is fine.
 */
struct inventory *inventory_new(struct store *store, struct loop *loop, struct log *log,
                                bool (*go_on)(void *context), void *context, struct buffer *error);
void inventory_stop(struct inventory *inventory);
void inventory_free(struct inventory *inventory);

/* What the inventory was loaded up to: store_start()'s last_event. */
int64_t inventory_last_event(const struct inventory *inventory);

/* Applies an event of the store. */
void inventory_apply(struct inventory *inventory, const struct store_event *event);

/* The catalog of now; it may be another after any return to the loop. */
const struct catalog *inventory_catalog(const struct inventory *inventory);

/* The cheapest free car's position in the catalog, or CATALOG_NONE. */
uint32_t inventory_find(const struct inventory *inventory, const struct criteria *criteria);

/* The positions of the cheapest free car of each category that the criteria allow, cheapest first:
 * up to `limit` of them, and their number as the result. */
size_t inventory_find_each(const struct inventory *inventory, const struct criteria *criteria,
                           uint32_t *positions, size_t limit);

/* How many cars are offered. */
size_t inventory_cars(const struct inventory *inventory);

/* Whether this car is offered and free over the period and its turnaround behind that. */
bool inventory_is_free(const struct inventory *inventory, uint32_t position, struct period period);

/* Counts the inventory's stocks: another figure says that positions may mean other cars. */
uint64_t inventory_generation(const struct inventory *inventory);

/* Adds one to each of the `days` counts, of days of 24 hours from the minute `from` on, on which
 * the car at `position` is not free throughout. */
void inventory_count_busy_days(const struct inventory *inventory, uint32_t position, int32_t from,
                               unsigned days, uint32_t *counts);

/* Claims the car at `position`, which must be free, for the claim's booking_id; false when it is
 * not free after all or memory ran out. */
bool inventory_claim(struct inventory *inventory, uint32_t position, struct period period,
                     struct claim *claim);

/* Ends a claim: frees the car again unless the booking was committed. Ending it twice does no harm.
 */
void inventory_unclaim(struct inventory *inventory, struct claim *claim);

/* To be called when the store contradicts the inventory: the claimed car is not offered as the
 * catalog has it, or it is taken although the claim was not lost. The store is right, so its state
 * is loaded anew. Calls `ready` when that is done, or at once when it was done since the car was
 * claimed. `loaded` is false when the loading failed, or the inventory stops. The caller owns the
 * waiter, and keeps it alive until then. */
struct fleet_waiter {
    void (*ready)(struct fleet_waiter *waiter, bool loaded);
    struct fleet_waiter *next;
};
void inventory_await_fleet(struct inventory *inventory, const struct claim *claim,
                           struct fleet_waiter *waiter);

/* Adds the inventory's gauges and counters, in the Prometheus text format. */
void inventory_metrics(const struct inventory *inventory, struct buffer *out);

#endif
