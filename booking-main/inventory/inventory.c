/* How the index stays true, of claims (claims.c), holds (expiry.c) and new fleets (reload.c).
 *
 * The stock (catalog and index) stands behind one event of the store. Events come in order; each
 * takes or frees a period of a car. Claims lie over that: a claim occupies its period in the index
 * until its booking's own event arrives, which makes it the store's, or until the claim is ended.
 * Should another engine's event want a period that is claimed here, the event is right: the claim
 * is lost, and its commit will be refused by the store.
 *
 * When the fleet was replaced, a thread loads a new stock while this one goes on. It stands behind
 * a later event than the old one did when the loading began; the events since then are kept, and
 * those the new stock does not know yet are applied to it before it takes the old one's place. The
 * same is done whenever the index cannot be trusted any more: when memory ran out for a period or a
 * hold, when it contradicts the store, or when the clock was set back behind what it still knows.
 * Meanwhile it may propose a car that is taken, which the store will refuse.
 */
#include "inventory/inventory.h"

#include "inventory/claims.h"
#include "inventory/expiry.h"
#include "inventory/reload.h"
#include "inventory/stock.h"
#include "lib/base/container_of.h"
#include "lib/base/metrics.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCK_SECONDS = 10 }; /* how often the wall clock is looked at */

/* All of it belongs to the loop's thread, but for what reload.h says of its threads. */
struct inventory {
    struct loop *loop;
    struct stock *stock;
    uint64_t stocks; /* that were put to use */
    int64_t applied; /* number of the last event */
    struct claims claims;
    struct expiry expiry;
    struct reload reload;
    struct loop_timer clock_timer;
    uint64_t repairs;
};

/* --- claims ---------------------------------------------------------------------------------- */

bool inventory_claim(struct inventory *inventory, uint32_t position, struct period period,
                     struct claim *claim)
{
    if (claims_make(&inventory->claims, inventory->stock, position, period, claim) != 0)
        return false;
    claim->stock = inventory->stocks;
    return true;
}

void inventory_unclaim(struct inventory *inventory, struct claim *claim)
{
    claims_end(&inventory->claims, inventory->stock, claim);
}

void inventory_await_fleet(struct inventory *inventory, const struct claim *claim,
                           struct fleet_waiter *waiter)
{
    if (!inventory->reload.stopped && claim->stock != inventory->stocks)
        waiter->ready(waiter, true);
    else
        reload_await(&inventory->reload, waiter); /* also a database that was edited by hand */
}

/* --- questions ------------------------------------------------------------------------------- */

const struct catalog *inventory_catalog(const struct inventory *inventory)
{
    return inventory->stock->catalog;
}

uint32_t inventory_find(const struct inventory *inventory, const struct criteria *criteria)
{
    const struct stock *stock = inventory->stock;
    struct availability_query query = {
        .period = criteria->period,
        .location = AVAILABILITY_ANYWHERE,
        .category = criteria->category[0] ? criteria->category : NULL,
    };
    if (criteria->location[0]) {
        query.location = catalog_find_location(stock->catalog, criteria->location);
        if (query.location == CATALOG_NONE)
            return CATALOG_NONE;
    }
    uint32_t position = availability_find(stock->availability, &query);
    return position == AVAILABILITY_NONE ? CATALOG_NONE : position;
}

static int by_position(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* One search a category. A category's cheapest car is in the catalog's order, but the cheapest that
 * is free may be any: so all are looked for, and the cheapest of them told. One that is named whole
 * is asked for as it is: of many categories the catalog does not tell all. */
size_t inventory_find_each(const struct inventory *inventory, const struct criteria *criteria,
                           uint32_t *positions, size_t limit)
{
    const struct catalog *catalog = inventory->stock->catalog;
    uint32_t found[CATALOG_CATEGORIES_MAX];
    size_t count = 0, categories = catalog_category_count(catalog);
    struct criteria one = *criteria;
    if (criteria->category[0] && !strchr(criteria->category, '*')) {
        uint32_t position = inventory_find(inventory, criteria);
        if (position == CATALOG_NONE || !limit)
            return 0;
        positions[0] = position;
        return 1;
    }
    for (size_t i = 0; i < categories; i++) {
        memcpy(one.category, catalog_category(catalog, i), CAR_CATEGORY_SIZE);
        one.category[CAR_CATEGORY_SIZE] = '\0';
        if (criteria->category[0] && !criteria_category_matches(criteria->category, one.category))
            continue;
        uint32_t position = inventory_find(inventory, &one);
        if (position != CATALOG_NONE)
            found[count++] = position;
    }
    if (count == 0)
        return 0;
    qsort(found, count, sizeof found[0], by_position);
    if (count > limit)
        count = limit;
    memcpy(positions, found, count * sizeof found[0]);
    return count;
}

size_t inventory_cars(const struct inventory *inventory)
{
    return availability_stats(inventory->stock->availability).offered;
}

uint64_t inventory_generation(const struct inventory *inventory)
{
    return inventory->stocks + 1; /* 0 is nobody's */
}

void inventory_count_busy_days(const struct inventory *inventory, uint32_t position, int32_t from,
                               unsigned days, uint32_t *counts)
{
    availability_count_busy_days(inventory->stock->availability, position, from, days, counts);
}

bool inventory_is_free(const struct inventory *inventory, uint32_t position, struct period period)
{
    return availability_is_offered(inventory->stock->availability, position) &&
           availability_is_free(inventory->stock->availability, position, period);
}

/* --- events ---------------------------------------------------------------------------------- */

/* The index is not true any more: asks for a new one. */
static void start_anew(struct inventory *inventory, const char *reason)
{
    if (!inventory->reload.due) {
        inventory->repairs++;
        log_error(inventory->reload.log, "loading the fleet anew", "reason", reason, NULL);
    }
    reload_want(&inventory->reload);
}

/* Takes the period for the store, from claims if need be. */
static void take_period(struct inventory *inventory, int64_t car, struct period period)
{
    struct stock *stock = inventory->stock;
    uint32_t position = catalog_by_number(stock->catalog, car);
    if (position == CATALOG_NONE)
        return; /* a car of a fleet that is being loaded */
    int failure = availability_occupy(stock->availability, position, period);
    if (failure == -EBUSY) {
        claims_give_way(&inventory->claims, stock, position, period);
        /* It may be there already, exactly: a hold that was confirmed. */
        (void)availability_release(stock->availability, position, period);
        failure = availability_occupy(stock->availability, position, period);
    }
    if (failure == -EBUSY) /* the index knows something that the store does not */
        start_anew(inventory, "the index contradicts the store");
    else if (failure == -ENOMEM)
        start_anew(inventory, "out of memory");
}

/* Applies an event to the stock of now and its holds, unless that knows it already. */
static void apply_to_stock(struct inventory *inventory, const struct store_event *event)
{
    if (event->number <= inventory->stock->last_event)
        return;
    if (event->kind == EVENT_TAKEN) {
        const struct claim *claim = claims_find(&inventory->claims, event->booking_id);
        if (!claim || claim->state != CLAIM_HELD)
            take_period(inventory, event->car, event->period);
        if (event->expires_at &&
            !expiry_add(&inventory->expiry, event->expires_at, event->booking_id))
            start_anew(inventory, "out of memory");
    } else if (event->kind == EVENT_RELEASED) {
        stock_release(inventory->stock, event->car, event->period);
    }
}

void inventory_apply(struct inventory *inventory, const struct store_event *event)
{
    inventory->applied = event->number;
    reload_keep(&inventory->reload, event);
    apply_to_stock(inventory, event);
    if (event->kind == EVENT_TAKEN) {
        struct claim *claim = claims_find(&inventory->claims, event->booking_id);
        if (claim)
            claim->state = CLAIM_COMMITTED;
    } else if (event->kind == EVENT_FLEET) {
        reload_want(&inventory->reload);
    }
}

int64_t inventory_last_event(const struct inventory *inventory)
{
    return inventory->applied;
}

/* Puts a new stock to use. */
static void on_loaded(struct reload *reload, struct stock *stock)
{
    struct inventory *inventory = container_of(reload, struct inventory, reload);
    reload_discard(reload, inventory->stock);
    inventory->stock = stock;
    inventory->stocks++;
    expiry_begin_anew(&inventory->expiry, stock);
    /* Committed periods first, all of them: no claim is in the way of these. */
    claims_lift(&inventory->claims);
    for (size_t i = 0; i < reload->missed_count; i++)
        apply_to_stock(inventory, &reload->missed[i]);
    claims_lay(&inventory->claims, stock);
}

/* --- life ------------------------------------------------------------------------------------ */

/* Moves the index on with the time, so that it forgets what is over. When the clock is set back,
 * that may be asked for again, so the fleet is loaded anew. A loading that is under way may have
 * read the clock before: then the next call here finds that out. */
static void on_clock(struct loop_timer *timer)
{
    struct inventory *inventory = container_of(timer, struct inventory, clock_timer);
    struct availability *availability = inventory->stock->availability;
    int32_t since = reload_since();
    availability_advance(availability, since);
    struct reload *reload = &inventory->reload;
    if (since < availability_since(availability) && !reload->under_way && !reload->due) {
        log_info(reload->log, "the clock was set back, loading the fleet anew", NULL);
        reload_want(reload);
    }
    loop_arm(inventory->loop, timer, loop_now(inventory->loop) + CLOCK_SECONDS * LOOP_SECOND);
}

struct inventory *inventory_new(struct store *store, struct loop *loop, struct log *log,
                                bool (*go_on)(void *context), void *context, struct buffer *error)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (!inventory) {
        buffer_add_text(error, "out of memory");
        return NULL;
    }
    inventory->loop = loop;
    inventory->clock_timer.expired = on_clock;
    expiry_init(&inventory->expiry, store, loop);
    if (!reload_init(&inventory->reload, store, loop, log, on_loaded)) {
        buffer_printf(error, "inventory: %s", strerror(errno));
        goto failed;
    }
    inventory->stock = stock_load(store, reload_since(), go_on, context, error);
    if (!inventory->stock)
        goto failed;
    inventory->applied = inventory->stock->last_event;
    expiry_begin_anew(&inventory->expiry, inventory->stock);
    on_clock(&inventory->clock_timer);
    return inventory;

failed:
    inventory_free(inventory);
    return NULL;
}

void inventory_stop(struct inventory *inventory)
{
    if (inventory)
        reload_stop(&inventory->reload);
}

void inventory_free(struct inventory *inventory)
{
    if (!inventory)
        return;
    inventory_stop(inventory);
    reload_end(&inventory->reload);
    expiry_end(&inventory->expiry);
    loop_remove_timer(inventory->loop, &inventory->clock_timer);
    stock_free(inventory->stock);
    free(inventory);
}

void inventory_metrics(const struct inventory *inventory, struct buffer *out)
{
    struct availability_stats stats = availability_stats(inventory->stock->availability);
    metrics_single(out, "booking_cars", "gauge", "Cars that are offered.",
                   inventory_cars(inventory));
    metrics_single(out, "booking_index_periods", "gauge",
                   "Periods in the availability index: bookings, holds and claims.", stats.periods);
    metrics_single(out, "booking_index_bytes", "gauge", "Memory of the availability index.",
                   stats.bytes);
    metrics_single(out, "booking_claims", "gauge", "Cars claimed by requests in progress.",
                   claims_count(&inventory->claims));
    metrics_single(out, "booking_holds_pending", "gauge", "Holds whose expiry is waited for.",
                   inventory->expiry.holds.count);
    metrics_single(out, "booking_expiries_total", "counter", "Holds expired by this engine.",
                   inventory->expiry.expired);
    metrics_single(out, "booking_claims_lost_total", "counter",
                   "Claims lost to another engine's booking.", inventory->claims.lost);
    metrics_single(
        out, "booking_index_repairs_total", "counter",
        "Times the index disagreed with the store, or ran out of memory, and was loaded anew.",
        inventory->repairs);
    metrics_single(out, "booking_last_event", "gauge", "Number of the last event applied.",
                   (uint64_t)inventory->applied);
}
