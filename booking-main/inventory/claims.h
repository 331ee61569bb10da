/* Claims: the periods that requests of this engine have chosen and not committed yet.
 *
 * They lie over the store's periods in the index, so that racing requests take different cars. All
 * of it belongs to the loop's thread; the claims themselves are their requests' (inventory.h).
 *
 *             claims_make()            its own event          claims_end()
 *     NONE ------------------> HELD ------------------> COMMITTED -------> NONE
 *                              |  ^
 *         another took the car |  | free in a stock that was loaded since
 *                              v  |
 *                              LOST
 *
 * A claim occupies its period in the index while it is held. Once committed, the period is the
 * store's. A claim that is lost may still be committed, if the store says so, and may be ended in
 * any state.
 */
#ifndef BOOKING_INVENTORY_CLAIMS_H
#define BOOKING_INVENTORY_CLAIMS_H

#include "inventory/inventory.h"
#include "inventory/stock.h"

/* In the order they were made, which is much the order in which they commit. All zero has none. */
struct claims {
    struct claim *first, *last;
    uint64_t lost; /* how many have been, to other engines */
};

/* Occupies the period, and the car's turnaround behind it, for a claim whose state is NONE and
 * whose booking_id is filled in. Returns 0, or with nothing changed what availability_occupy()
 * does. */
int claims_make(struct claims *claims, struct stock *stock, uint32_t position, struct period period,
                struct claim *claim);

/* Frees the period if the claim holds it. Ending it twice does no harm. */
void claims_end(struct claims *claims, struct stock *stock, struct claim *claim);

/* The claim whose booking this is, or NULL. */
struct claim *claims_find(const struct claims *claims, const char *booking_id);

/* The store gave this car's period to somebody else: whoever holds a part of it has lost. */
void claims_give_way(struct claims *claims, struct stock *stock, uint32_t position,
                     struct period period);

/* When a new stock, which has no claims in it yet, takes the old one's place: first claims_lift(),
 * then the store's events are applied to the new stock, then claims_lay(). It occupies the period
 * of each claim that is not committed; where that fails the claim is lost. */
void claims_lift(struct claims *claims);
void claims_lay(struct claims *claims, struct stock *stock);

size_t claims_count(const struct claims *claims);

#endif
